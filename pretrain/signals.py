"""Ctrl-C and SIGTERM that wait for the end of a step."""

import signal
import threading
from types import FrameType
from typing import Any


class StopSignal:
    """While it is entered, the first SIGINT or SIGTERM only sets `asked`; a second one acts as always."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignal":
        # Python lets only the main thread take signals; elsewhere (a server's worker) nobody presses Ctrl-C.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
