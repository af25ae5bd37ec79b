"""Hands the served bundle over as an artifact, so that a new one can be compared with it."""
