"""Quality on MovieLens latest-small by fixed protocols, from the served bundle, beside other systems' figures."""

from benchmarks.quality.command import main

__all__ = ["main"]
