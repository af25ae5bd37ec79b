"""`recommender doctor`: looks at the machine and the installation, and says what to do.

In a checkout the packages are held against the lock of this machine; where the project was installed as a package,
against what its extras ask for.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import click
from packaging.requirements import Requirement
from rich.table import Table
from rich.text import Text

from pipelines.cli.consoles import console_for
from pipelines.cli.exit_codes import FAILURE, OK
from pipelines.terminal.quiet import quiet

ROOT = Path(__file__).parents[2]
PACKAGE = "tfx-recommenders"
MODULES = ("tfx_recommenders", "pipelines", "components", "serving")
EXTRAS = ("serving", "events", "tracing", "client", "pipeline", "kubeflow", "tune", "umap")
PINNED = ("tfx", "tensorflow", "tf-keras", "tensorflow-recommenders", "scann", "protobuf", "apache-beam", "numpy")
IMPORTED = ("tensorflow", "tf_keras", "tensorflow_recommenders", "scann", "apache_beam", "tfx.v1")

LEAST_GLIBC = (2, 28)  # the newest that a wheel of requirements-legacy.lock asks for
LEAST_DISK_BYTES = 2 << 30
LEAST_MEMORY_BYTES = 4 << 30


@dataclasses.dataclass(frozen=True)
class Lock:
    """One of the two sets of versions, as tools/bootstrap.sh chooses between them.

    Attributes:
      name: Its file.
      least_glibc: What its wheels ask for.
      pythons: What it is resolved for.
    """

    name: str
    least_glibc: tuple[int, ...]
    pythons: tuple[tuple[int, int], ...]


LOCKS = (
    Lock("requirements.lock", (2, 39), ((3, 12), (3, 13))),
    Lock("requirements-legacy.lock", LEAST_GLIBC, ((3, 10),)),
)


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
    lock = lock_for(glibc_version(), ROOT)
    packages = package_checks(ROOT / lock.name) if lock else extra_checks(metadata.requires(PACKAGE) or [])
    checks = [*machine_checks(lock), *packages, *owner_checks(metadata.packages_distributions()), keras_check()]
    if really_import:
        checks += import_checks()
    console_for(sys.stdout).print(_table(checks))
    failed = [check for check in checks if not check.good]
    for check in failed:
        click.echo(f"{check.name}: {check.action}")
    click.echo(f"{len(failed)} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed")
    return FAILURE if failed else OK


def glibc_version() -> tuple[int, ...]:
    """The version of this process's glibc; () where the C library is another one."""
    library, number = platform.libc_ver()
    return tuple(int(part) for part in number.split(".")[:2]) if library == "glibc" else ()


def lock_for(glibc: tuple[int, ...], root: Path) -> Lock | None:
    """The lock that a machine installs from; None where `root` is no checkout."""
    fitting = [lock for lock in LOCKS if glibc >= lock.least_glibc and (root / lock.name).is_file()]
    return fitting[0] if fitting else None


def machine_checks(lock: Lock | None) -> Iterator[Check]:
    """Python, C library, processor, disk and memory."""
    fits = lock is None or sys.version_info[:2] in lock.pythons
    wanted = " or ".join(".".join(map(str, python)) for python in lock.pythons) if lock else ""
    yield Check("Python", fits, platform.python_version(), f"use Python {wanted}: make setup finds or fetches one")
    library, number = platform.libc_ver()
    yield Check(
        "C library",
        glibc_version() >= LEAST_GLIBC,
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


def package_checks(lock: Path) -> Iterator[Check]:
    """The packages that must fit each other, against the versions of a lock."""
    action = f"make setup (or: uv pip sync {lock.name})"
    pins = read_pins(lock.read_text(encoding="utf-8"))
    for name in PINNED:
        installed = _installed(name)
        good = installed == pins.get(name)
        found = installed or "not installed"
        yield Check(name, good, found if good else f"{found}, {lock.name} says {pins.get(name)}", action)


def extra_checks(requirements: Sequence[str]) -> Iterator[Check]:
    """What each extra asks for, against what is installed; one that is not wanted may be missing.

    Args:
      requirements: Of the project, as package metadata writes them.
    """
    parsed = [Requirement(text) for text in requirements]
    complete = False
    for extra in EXTRAS:
        asked = [one for one in parsed if one.marker and one.marker.evaluate({"extra": extra})]
        missing = sorted({one.name for one in asked if not _installed(one.name)})
        complete = complete or not missing
        found = "complete" if not missing else f"not installed, lacks {', '.join(missing)}"
        yield Check(f"extra {extra}", True, found)
        for one in () if missing else asked:
            yield from _version_checks(one)
    hint = f"pip install '{PACKAGE}[serving]' to serve and query models, or another extra"
    yield Check("extras", complete, "at least one is complete" if complete else "none is complete", hint)


def _version_checks(requirement: Requirement) -> Iterator[Check]:
    """Checks that an installed package fits, and what its own extras ask for (ScaNN's names its TensorFlow)."""
    installed = _installed(requirement.name)
    if not installed:
        return
    if not requirement.specifier.contains(installed, prereleases=True):
        action = f"pip install '{requirement.name}{requirement.specifier}'"
        yield Check(requirement.name, False, f"{installed}, {requirement.specifier} is needed", action)
    for extra in requirement.extras:
        for text in metadata.requires(requirement.name) or []:
            inner = Requirement(text)
            if inner.marker and inner.marker.evaluate({"extra": extra}) and not inner.marker.evaluate({"extra": ""}):
                yield from _version_checks(inner)


def owner_checks(owners: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    """Whether another installed package has modules of our names: then which of both is imported is chance.

    Args:
      owners: Distributions by the top-level module that they install.
    """
    for module in MODULES:
        others = sorted(set(owners.get(module, ())) - {PACKAGE})
        if others:
            action = f"uninstall {', '.join(others)} here, or give this project an environment of its own"
            yield Check(f"module {module}", False, f"{', '.join(others)} installs it, too", action)


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
    """Imports each library that is installed, as a run does."""
    for module in IMPORTED:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            continue
        start = time.monotonic()
        try:
            with quiet():
                importlib.import_module(module)
        except Exception as error:
            cause = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            yield Check(f"import {module}", False, cause, "make clean setup, or install the package anew")
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
