"""Parts of somebody's own, each in a file that the project knows nothing of: they are named in settings."""
