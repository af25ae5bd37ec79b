"""Speed of training: rows a second and seconds to a quality, beside other systems."""

from benchmarks.training.command import main

__all__ = ["main"]
