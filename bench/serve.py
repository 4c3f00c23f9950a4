"""The server under load: many clients at once against one, what they wait, and what memory it takes."""

import asyncio
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.artifacts import ROOT
from core.cli import run
from core.errors import UserError
from core.files import write_json
from generate.choice import CheckpointChoice

if TYPE_CHECKING:
    import httpx

# Seconds that the server gets to start, and of its first seconds under load in which its memory may still grow.
START = 120
SETTLED = 0.25

BEGINNINGS = ("La luna", "El tren", "Una carta", "Vuelve la lluvia", "")


@dataclass(frozen=True, kw_only=True)
class ServeBenchConfig(CheckpointChoice):
    clients: int = 50
    """How many ask at once, each again as soon as it is answered."""
    seconds: float = 60.0
    """Of the load; one client alone is timed before it and after it, a quarter as long each."""
    max_tokens: int = 100
    """Length of the songs that are asked for."""
    max_waiting: int | None = None
    """The server's --max_waiting; with less than clients some are sent away (429)."""
    output: Path | None = None
    """The results as JSON."""

    def __post_init__(self) -> None:
        CheckpointChoice.__post_init__(self)
        for name in ("clients", "seconds", "max_tokens"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


@dataclass
class Load:
    """What some clients were answered."""

    clients: int
    seconds: float
    cpu_seconds: float = 0.0
    """Of the server, all its threads: what other programs took from it does not count."""
    tokens: int = 0
    answers: dict[str, int] = field(default_factory=dict[str, int])
    """How often each status came; an exception by its name."""
    first_words: list[float] = field(default_factory=list[float])
    """Seconds to each song's first words."""
    memory: list[float] = field(default_factory=list[float])
    """Megabytes of the server, every half second."""

    def count(self, answer: str) -> None:
        """One more answer of that kind."""
        self.answers[answer] = self.answers.get(answer, 0) + 1

    @property
    def tokens_per_second(self) -> float:
        """Over all clients."""
        return self.tokens / self.seconds

    @property
    def tokens_per_cpu_second(self) -> float:
        """Over all clients, by the server's own time."""
        return self.tokens / self.cpu_seconds

    @property
    def errors(self) -> int:
        """Answers that are neither songs nor "try again"."""
        return sum(count for answer, count in self.answers.items() if answer not in ("200", "429"))

    def __str__(self) -> str:
        answers = ", ".join(f"{count} × {answer}" for answer, count in sorted(self.answers.items()))
        wait = statistics.median(self.first_words) if self.first_words else float("nan")
        settled = self.memory[int(SETTLED * len(self.memory)) :] or [0.0]
        rates = f"{self.tokens_per_second:,.0f} | {self.tokens_per_cpu_second:,.0f}"
        return f"| {self.clients} | {rates} | {answers} | {wait:.2f} | {settled[0]:.0f} → {settled[-1]:.0f} |"


HEAD = (
    "| clients | tokens/s | tokens/CPU s | answers | seconds to first words | server's MB |\n|---|---|---|---|---|---|"
)


def main(config: ServeBenchConfig) -> None:
    """Start the server on a checkpoint, and ask it for songs from many clients at once."""
    command = [sys.executable, str(ROOT / "generate/serve.py"), str(config.folder), "--port", "0"]
    if config.max_waiting is not None:
        command += ["--max_waiting", str(config.max_waiting), "--max_songs", "1"]
    loads: list[Load] = []
    with server(command) as (process, url):
        for clients in (1, config.clients, 1):
            seconds = config.seconds if clients > 1 else config.seconds / 4
            loads.append(asyncio.run(press(url, process.pid, clients, seconds, config.max_tokens)))
            print(f"{HEAD}\n{loads[0]}" if len(loads) == 1 else str(loads[-1]), flush=True)
        alive = process.poll() is None
    many, alone = loads[1], [loads[0], loads[2]]
    ratio = many.tokens_per_second / statistics.mean(load.tokens_per_second for load in alone)
    cpu_ratio = many.tokens_per_cpu_second / statistics.mean(load.tokens_per_cpu_second for load in alone)
    faster = f"{ratio:.1f} times as many tokens as one; by CPU time, {cpu_ratio:.1f}"
    print(f"\n{config.clients} clients are written {faster}")
    print(f"errors      {sum(load.errors for load in loads)}, and the server {'goes on' if alive else 'has ended'}")
    if config.output:
        write_json(config.output, {"ratio": ratio, "cpu_ratio": cpu_ratio, "loads": [asdict(load) for load in loads]})


@contextmanager
def server(command: list[str]) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A server that is ready, and its address. It is ended as by Ctrl-C."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8") as process:
        # One that says nothing is ended, which ends the reading too.
        impatient = threading.Timer(START, process.kill)
        impatient.start()
        said: list[str] = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if found := re.search(r"http://\S+", line):
                    impatient.cancel()
                    yield process, found[0]
                    return
            raise UserError(
                f"the server did not start: {''.join(said[-3:]).strip()}", "start generate/serve.py by hand"
            )
        finally:
            impatient.cancel()
            process.send_signal(signal.SIGINT)
            process.communicate()


async def press(url: str, pid: int, clients: int, seconds: float, max_tokens: int) -> Load:
    """Ask for songs, all clients at once, until the seconds are over; songs that were begun are heard out."""
    import httpx

    load = Load(clients, seconds)
    start, cpu_start = time.perf_counter(), cpu_seconds(pid)
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as http:

        async def ask(client: int) -> None:
            number = 0
            while time.perf_counter() - start < seconds:
                number += 1
                body: dict[str, object] = {
                    "prompt": BEGINNINGS[(client + number) % len(BEGINNINGS)],
                    "max_tokens": max_tokens,
                    "seed": 1000 * client + number,
                    "stream": True,
                    "stream_options": {"include_usage": True},
                }
                try:
                    await _hear(http, body, load)
                except httpx.HTTPError as error:
                    load.count(type(error).__name__)

        async def watch() -> None:
            while True:
                load.memory.append(resident(pid))
                await asyncio.sleep(0.5)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*map(ask, range(clients)))
        watching.cancel()
    load.seconds, load.cpu_seconds = time.perf_counter() - start, cpu_seconds(pid) - cpu_start
    return load


async def _hear(http: "httpx.AsyncClient", body: dict[str, object], load: Load) -> None:
    begun, heard = time.perf_counter(), False
    async with http.stream("POST", "/v1/completions", json=body) as answer:
        if answer.status_code == 429:
            load.count("429")
            await asyncio.sleep(float(answer.headers["retry-after"]))
            return
        ended = answer.status_code == 200
        async for line in answer.aiter_lines():
            if not heard and '"text"' in line:
                heard = True
                load.first_words.append(time.perf_counter() - begun)
            if found := re.search(r'"completion_tokens": (\d+)', line):
                load.tokens += int(found[1])
            ended &= '"error"' not in line
        load.count("200" if ended else f"broken {answer.status_code}")


def cpu_seconds(pid: int) -> float:
    """Seconds that a process has computed, in all its threads."""
    # The program's name, in parentheses, may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Megabytes that a process has in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    run(main, ServeBenchConfig)
