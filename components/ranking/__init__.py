"""The rating model and its trainer."""
