"""Metrics of lists and ratings for TFMA, one file each."""
