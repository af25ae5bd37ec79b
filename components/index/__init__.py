"""The index over all candidates, checked against exact search."""
