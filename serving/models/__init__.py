"""Which versions of which models are there, and how one is loaded and warmed up."""
