"""Songs on disk instead of in memory, and chunks of them through every core."""

import os
import signal
import sys
import tempfile
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from core.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")

CHUNK = 250  # songs: large enough that handing them over costs little, small enough that few wait in memory

# Below this, starting other processes takes longer than they save.
PARALLEL_FROM = 6_000  # songs


class Spool:
    """Lines in a nameless file: nothing is left of it, however the process ends. Memory holds 8 bytes a line."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where the file lies; /tmp may be memory itself."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 -- it lives as long as the spool
        self._starts = array("Q", [0])

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._starts) - 1

    def append(self, line: bytes) -> None:
        """Add a line, of any bytes."""
        self._file.seek(self._starts[-1])
        self._file.write(line)
        self._starts.append(self._starts[-1] + len(line))

    def __getitem__(self, number: int) -> bytes:
        self._file.seek(self._starts[number])
        return self._file.read(self._starts[number + 1] - self._starts[number])

    def chunks(self, numbers: Iterable[int]) -> Iterator[list[tuple[int, bytes]]]:
        """The lines of these numbers, a chunk at a time."""
        rest = iter(numbers)
        while some := list(islice(rest, CHUNK)):
            yield [(number, self[number]) for number in some]


def nearest_folder(path: Path) -> Path:
    """`path`, or the closest folder above it that is there already."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def map_chunks(function: Callable[[Task], Result], chunks: Iterable[Task], *, songs: int) -> Iterator[Result]:
    """`function` of every chunk, in order; on all cores when there are many songs. Few chunks are held at a time."""
    workers = _cores()
    if workers == 1 or songs < PARALLEL_FROM:
        yield from map(function, chunks)
        return
    # Spawned, not forked: the same on every system, and progress bars have threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_leave_interrupts) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(function, chunk))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def beside(function: Callable[[Task], Result], task: Task, *, songs: int) -> Generator[Callable[[], Result]]:
    """`function` of one task, worked out beside what follows where there are many songs; gives what waits for it."""
    if _cores() == 1 or songs < PARALLEL_FROM:
        yield partial(function, task)
        return
    context = get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(writer, function, task), daemon=True)
    process.start()
    writer.close()
    try:
        yield partial(_answer_of, reader)
    finally:
        process.terminate()  # after an error nobody waits for what it does; after its answer it has nothing to do
        process.join()


def _answer(writer: Connection, function: Callable[[Task], Result], task: Task) -> None:
    _leave_interrupts()
    signal.signal(signal.SIGTERM, _leave)
    try:
        answer = (function(task), None)
    except Exception as error:
        answer = (None, error)
    writer.send(answer)


def _leave(_signal: int, _frame: object) -> None:
    sys.exit()  # which gives back what it has taken of the system


def _answer_of(reader: Connection) -> Any:
    try:
        result, error = reader.recv()
    except EOFError as error:
        raise UserError("a process that worked beside this one was killed", "is there too little memory?") from error
    if error is not None:
        raise error
    return result


def _leave_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; one answer is enough."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _cores() -> int:
    # What this process may use, where the system says; a container often has fewer than the machine.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
