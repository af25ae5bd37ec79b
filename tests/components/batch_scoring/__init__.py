"""Batch scoring: real Beam jobs on small real bundles."""
