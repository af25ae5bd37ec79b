"""One SavedModel of everything that answers a request."""
