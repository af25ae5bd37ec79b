"""Interactions and catalogue from their source to Examples, by tf.data."""
