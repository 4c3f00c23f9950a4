"""Ctrl-C and other wishes to stop, which wait for the end of a step."""

import signal
import threading
from types import FrameType
from typing import Any

# Ctrl-C; what schedulers and systems going down send; a terminal that closes (not on Windows).
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class StopSignal:
    """While it is entered, the first of `SIGNALS` only sets `asked`; a second one acts as always."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignal":
        # Python lets only the main thread take signals; elsewhere (a server's worker) nobody presses Ctrl-C.
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # Who started it with nohup, say, wants a signal ignored.
                if signal.getsignal(number) != signal.SIG_IGN:
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
