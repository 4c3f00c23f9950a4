"""One process at a time in a folder."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from core.artifacts import shown
from core.errors import UserError

# The lock itself is the operating system's, and goes with its process however that dies: the file stays.
LOCK, HOLDER = ".lock", ".lock-holder"


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold `folder` (made if it is missing) for this process alone.

    Raises UserError, naming the process, when another one holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / LOCK), folder / HOLDER
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise _taken(folder, holder) from error
    try:
        # Beside the lock: on Windows nobody else can read a locked file. On a full disk it goes without.
        with suppress(OSError):
            holder.write_text(f"process {os.getpid()}", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _taken(folder: Path, holder: Path) -> UserError:
    try:
        who = f" ({holder.read_text(encoding='utf-8')})"
    except FileNotFoundError:  # it has only just come, or is just leaving
        who = ""
    return UserError(
        f"another training{who} is at work in {shown(folder)}", "wait for it, stop it, or choose another --run"
    )
