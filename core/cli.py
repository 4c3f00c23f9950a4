"""From a frozen dataclass to a command line, and from an exception to one line with a remedy."""

import errno
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import tyro
from tyro.conf import Positional

from core.errors import Interrupted, UserError

__all__ = ["Positional", "UserError", "run"]

Config = TypeVar("Config")

# What shells and schedulers know: 2 for wrong use, 128 + SIGINT for Ctrl-C.
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


def run(main: Callable[[Any], None], config_type: type[Config]) -> None:
    """Parse the command line into `config_type`, call `main`, and end with an exit code.

    Exit codes: 0 done, 2 the user can put it right (tyro's own code for wrong options, too), 130 Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal in a Latin-1 locale must not end a run at the first accent.
        stream.reconfigure(encoding="utf-8", errors="replace")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    try:
        config = tyro.cli(
            config_type, description=inspect.getdoc(main), config=(tyro.conf.FlagCreatePairsOff,), use_underscores=True
        )
        main(config)
    except UserError as error:
        _fail(error.message, error.hint)
    except Interrupted as stop:
        print(f"{stop.message}\nhint:  {stop.hint}", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # `| head` closed the pipe: nobody reads any more. Python's own flush at exit must not complain.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        _fail(_say_os_error(error), _OS_HINTS.get(error.errno or 0, ""))
    except KeyboardInterrupt:
        print("\ninterrupted: files already written are whole, the rest can be run again", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


_OS_HINTS = {
    errno.ENOSPC: "free some space, then run the same command again; files written before are whole",
    errno.EDQUOT: "free some space, then run the same command again; files written before are whole",
    errno.EACCES: "check who may read and write it",
    errno.EROFS: "set PAYADOR_ARTIFACTS to a folder that can be written",
}


def _say_os_error(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"


def _fail(message: str, hint: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint:  {hint}", file=sys.stderr)
    sys.exit(EXIT_USER_ERROR)
