"""`recommender doctor`: looks at the machine and the installation, and says what to do."""

from __future__ import annotations

import dataclasses
import importlib
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from pipelines.cli.consoles import console_for
from pipelines.cli.exit_codes import FAILURE, OK
from pipelines.quiet import quiet

LOCK = Path(__file__).parents[2] / "requirements.lock"
PINNED = ("tfx", "tensorflow", "tf-keras", "tensorflow-recommenders", "scann", "protobuf", "apache-beam", "numpy")
IMPORTED = ("tensorflow", "tf_keras", "tensorflow_recommenders", "scann", "apache_beam", "tfx.v1")

LEAST_GLIBC = (2, 28)  # the newest that a locked wheel asks for
LEAST_DISK_BYTES = 2 << 30
LEAST_MEMORY_BYTES = 4 << 30


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
      name: What.
      good: Whether a run can work with it.
      found: What was found.
      action: What to do when it is not good.
    """

    name: str
    good: bool
    found: str
    action: str = ""


@click.command()
@click.option("--import", "really_import", is_flag=True, help="Really import the libraries (takes half a minute).")
def doctor(really_import: bool) -> int:
    """Check this machine and the installation; exits with 1 when a check fails."""
    checks = [*machine_checks(), *package_checks(), keras_check()]
    if really_import:
        checks += import_checks()
    console_for(sys.stdout).print(_table(checks))
    failed = [check for check in checks if not check.good]
    for check in failed:
        click.echo(f"{check.name}: {check.action}")
    click.echo(f"{len(failed)} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed")
    return FAILURE if failed else OK


def machine_checks() -> Iterator[Check]:
    """Python, C library, processor, disk and memory."""
    version = platform.python_version()
    yield Check("Python", sys.version_info[:2] == (3, 10), version, "use Python 3.10: make setup finds or fetches one")
    library, number = platform.libc_ver()
    glibc = tuple(int(part) for part in number.split(".")[:2]) if library == "glibc" else ()
    yield Check(
        "C library",
        glibc >= LEAST_GLIBC,
        f"{library or 'unknown'} {number}",
        "use a distribution with glibc 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8); musl (Alpine) has no wheels",
    )
    flags = processor_flags(_read("/proc/cpuinfo"))
    yield Check(
        "processor",
        "avx" in flags,
        f"{os.cpu_count()} cores, " + ("AVX2" if "avx2" in flags else "AVX" if "avx" in flags else "no AVX"),
        "TensorFlow and ScaNN need AVX: use another machine, or let the virtual machine pass the processor through",
    )
    free = shutil.disk_usage(Path.cwd()).free
    yield Check(
        "free disk", free >= LEAST_DISK_BYTES, _gigabytes(free), "free 2 GB or work on another disk (run --output DIR)"
    )
    memory = memory_bytes(_read("/proc/meminfo"), _read("/sys/fs/cgroup/memory.max"))
    yield Check(
        "memory",
        memory >= LEAST_MEMORY_BYTES,
        _gigabytes(memory),
        "give the machine or the container at least 4 GB (docs/operations.md has what each preset takes)",
    )


def package_checks(lock: Path = LOCK) -> Iterator[Check]:
    """The packages that must fit each other, against the versions of the lock."""
    action = "make setup (or: uv pip sync requirements.lock)"
    if not lock.is_file():
        yield Check("lock file", False, f"{lock} is missing", "run from a checkout of the project")
        return
    pins = read_pins(lock.read_text(encoding="utf-8"))
    for name in PINNED:
        installed = _installed(name)
        good = installed == pins.get(name)
        found = installed or "not installed"
        yield Check(name, good, found if good else f"{found}, the lock says {pins.get(name)}", action)


def keras_check() -> Check:
    """TensorFlow Recommenders works with Keras 2 only."""
    value = os.environ.get("TF_USE_LEGACY_KERAS")
    return Check(
        "TF_USE_LEGACY_KERAS",
        value in (None, "1", "true", "True"),
        value or "not set (the project sets it)",
        "unset it, or set it to 1",
    )


def import_checks() -> Iterator[Check]:
    """Imports each library, as a run does."""
    for module in IMPORTED:
        start = time.monotonic()
        try:
            with quiet():
                importlib.import_module(module)
        except Exception as error:
            cause = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            yield Check(f"import {module}", False, cause, "make clean setup")
        else:
            yield Check(f"import {module}", True, f"{time.monotonic() - start:.1f} s")


def read_pins(lock: str) -> dict[str, str]:
    """Names and versions of the lines `name==version`."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock, re.MULTILINE))


def processor_flags(cpuinfo: str) -> set[str]:
    """The feature flags of the first processor in /proc/cpuinfo."""
    found = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    return set(found.group(1).split()) if found else set()


def memory_bytes(meminfo: str, cgroup_limit: str) -> int:
    """The machine's memory, or the container's limit where that is lower."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    total = int(found.group(1)) * 1024 if found else 0
    limit = cgroup_limit.strip()
    return min(total, int(limit)) if limit.isdigit() else total


def _table(checks: list[Check]) -> Table:
    table = Table(box=None, show_header=False)
    for check in checks:
        mark = Text("ok", "green") if check.good else Text("FAILED", "bold red")
        table.add_row(mark, check.name, Text(check.found))
    return table


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _gigabytes(number: int) -> str:
    return f"{number / (1 << 30):.1f} GB"
