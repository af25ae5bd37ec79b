"""Runs a benchmark by name: `python -m benchmarks` lists them, `python -m benchmarks pipeline --write` runs one."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks

NOT_A_BENCHMARK = {"__main__", "archive_option", "do_nothing_servers", "results_table", "simulated_people"}


def main() -> None:
    """Hands the rest of the command line to the benchmark."""
    names = sorted({module.name for module in pkgutil.iter_modules(benchmarks.__path__)} - NOT_A_BENCHMARK)
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print("usage: python -m benchmarks NAME [OPTIONS]\n")
        for name in names:
            module = importlib.import_module(f"benchmarks.{name}")
            print(f"  {name:<12} {(module.__doc__ or '').splitlines()[0]}")
        raise SystemExit(0 if len(sys.argv) < 2 else 2)
    name = sys.argv.pop(1)
    importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
