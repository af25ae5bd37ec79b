"""Speed of training: rows a second and seconds to a quality, beside other systems; what the options bring."""

from benchmarks.training.command import main

__all__ = ["main"]
