"""Measurements that are run by hand; each writes its table into docs/results.md."""
