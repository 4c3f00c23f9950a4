"""Programs as people start them: a process each, its time taken from outside."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from core.artifacts import shown
from core.errors import UserError

# Seconds that a program gets to put its things away after Ctrl-C.
GRACE = 30


@dataclass(frozen=True)
class Line:
    """What a program printed, and when."""

    at: float
    """Seconds since it was started."""
    text: str


@dataclass(frozen=True)
class Finished:
    """A program that has run."""

    seconds: float
    """From start to end, imports included."""
    cpu_seconds: float
    """Of all its threads, in user and system mode."""
    lines: list[Line]


def run_program(
    command: list[str],
    log: Path,
    share_done: Callable[[str], float | None],
    *,
    folder: Path | None = None,
    threads: int | None = None,
) -> Finished:
    """Run `command` in `folder`, with what it prints in `log`, behind a progress bar.

    `share_done` reads a line for how far the work is, 0 to 1; None where it does not say. `threads`
    bounds what PyTorch computes with. Raises UserError when the program fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    env = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    if threads is not None:
        env["OMP_NUM_THREADS"] = str(threads)
    start = time.perf_counter()
    lines: list[Line] = []
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=file, encoding="utf-8", errors="replace"
        ) as process,
        tqdm(total=100, bar_format=_BAR, disable=None, leave=False) as bar,
    ):
        assert process.stdout is not None
        try:
            for text in process.stdout:
                lines.append(Line(time.perf_counter() - start, text.rstrip()))
                file.write(text)
                share = share_done(text)
                if share is not None:
                    bar.n = min(100.0, 100 * share)
                    bar.update(0)
            # Popen's own wait forgets what the process has used.
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            _end(process)
        seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise UserError(f"{' '.join(command[1:3])} failed: {_last_line(log)}", f"{shown(log)} holds all it printed")
    return Finished(seconds, used.ru_utime + used.ru_stime, lines)


_BAR = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}"


def number_in(text: str, pattern: str) -> float | None:
    """The number that a pattern's group finds in a line, or None."""
    found = re.search(pattern, text)
    return float(found[1]) if found else None


def _end(process: subprocess.Popen[str]) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
