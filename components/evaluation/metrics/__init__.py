"""Metrics of lists and ratings for TFMA: formulas, sums per user, and intervals from resampled users."""
