"""Files of an attempt's folder: written only where the folder is there.

Beam's own `create` makes a folder that is missing. A worker that is late would bring the folder of an attempt back that
was given up, and a worker on a host that does not share the disk would write where nobody looks.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from components.errors import InputError


def create(folder: str, name: str) -> Any:
    """A binary stream into a new file.

    Args:
      folder: The attempt's folder, which was made before the job began (object stores have none).
      name: Path of the file within it; its folder is there, too.

    Raises:
      InputError: The folder is not there.
    """
    if "://" in folder:
        from apache_beam.io.filesystems import FileSystems

        return FileSystems.create(f"{folder}/{name}", "application/octet-stream")
    try:
        return Path(folder, name).open("wb")
    except FileNotFoundError:
        raise InputError(
            f"the folder {folder} is not on {socket.gethostname()}",
            expected="one file system with the same absolute paths on every host of a worker",
            received="a worker that does not see the job's folder, or a job that was given up",
            action="mount the folder of --output there, or write to an object store",
        ) from None
