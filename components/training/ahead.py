"""The next batch is made while a step trains on the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items in the same order, each made by a thread while the caller is busy with the one before.

    Args:
      items: Whatever takes time to make; what it raises is raised here, after the items before it.
    """
    iterator = iter(items)

    def following() -> list[Item]:
        return [item for _, item in zip(range(1), iterator, strict=False)]

    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        found = thread.submit(following)
        while made := found.result():
            found = thread.submit(following)
            yield made[0]
