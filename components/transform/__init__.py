"""Vocabularies, item frequencies and the transform graph."""
