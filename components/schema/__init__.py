"""Curated schemas of interactions and catalogue."""
