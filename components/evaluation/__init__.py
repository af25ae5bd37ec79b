"""Judges the bundle on test rows with TFMA."""
