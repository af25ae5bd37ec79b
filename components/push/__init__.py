"""Publishes a blessed bundle as a new version, whole or not at all."""
