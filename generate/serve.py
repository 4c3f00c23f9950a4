"""Stage 5: an API and a page for the models there are."""

import ipaddress
import os
import socket
import threading
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from core.cli import run
from core.errors import UserError
from generate.choice import CheckpointChoice
from pretrain.device import Device

if TYPE_CHECKING:
    from generate.serving.api import Service

API_KEY = "PAYADOR_API_KEY"

# Names of this machine.
_LOCAL = ("localhost", "127.0.0.1", "::1")

# Seconds in which clients may hear that the server is being stopped.
LAST_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class ServeConfig(CheckpointChoice):
    host: str = "127.0.0.1"
    """Who may ask: this machine alone; 0.0.0.0 lets everybody in who has the key."""
    port: int = 8000
    """0 takes any that is free."""
    api_key: str = ""
    """Key that clients must show; the environment's PAYADOR_API_KEY is better, since nobody reads it over your
    shoulder. Needed when others than this machine may ask."""
    max_rows: int = 32
    """Songs of a model that are written side by side: more of them make each slower, and all together faster."""
    max_waiting: int = 64
    """Songs that may wait for a place; whoever comes then is told to try again (429)."""
    max_tokens: int = 2000
    """Longest song that may be asked for."""
    max_songs: int = 16
    """Most songs that one request may ask for."""
    max_prompt: int = 8000
    """Longest prompt, in characters."""
    max_lines: int = 100
    """Longest poem in a form."""
    timeout: float = 120.0
    """Seconds that a request may take, waiting included."""
    device: Device = "auto"
    """auto takes cuda, then mps, then cpu."""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.checkpoint, self.corpus, self.artist))) > 1:
            raise ValueError("give at most one of: a checkpoint folder, --corpus, --artist")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be from 0 to 65535, got {self.port}")
        for name in ("max_rows", "max_tokens", "max_songs", "max_prompt", "max_lines"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.max_waiting < 0:
            raise ValueError(f"max_waiting must be at least 0, got {self.max_waiting}")
        if self.max_songs > self.max_rows + self.max_waiting:
            raise ValueError("max_songs must be at most max_rows + max_waiting: a request must fit")
        if not self.timeout > 0:
            raise ValueError(f"timeout must be above 0, got {self.timeout}")

    @property
    def key(self) -> str:
        """The key that clients must show; empty if none must.

        Raises UserError when others than this machine may ask, and there is none.
        """
        key = self.api_key or os.environ.get(API_KEY, "")
        if not key and not _is_local(self.host):
            raise UserError(f"--host {self.host} lets others in, and there is no key", f"export {API_KEY}=…")
        return key


def main(config: ServeConfig) -> None:
    """Serve the models under artifacts/: an API as OpenAI's at /v1, and a page to write songs with.

    Without a corpus or checkpoint, clients say which model they mean.
    """
    key = config.key
    with _listen(config.host, config.port) as listening:
        try:
            import uvicorn

            from generate.serving.api import make_app
            from generate.serving.page import mount_page
        except ModuleNotFoundError as error:
            raise UserError(f"serving needs {error.name}", "pip install -r requirements-serve.txt") from error

        service = _service(config)
        # Who has the key may come by any name.
        app = make_app(service, key, None if key else {*_LOCAL, config.host.lower()})
        mount_page(app, service)
        host, port = listening.getsockname()[:2]
        print(f"models      {', '.join(service.models.folders()) or 'none yet'}")
        print(f"serving     http://{f'[{host}]' if ':' in host else host}:{port}  (Ctrl-C ends it)", flush=True)
        settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=LAST_SECONDS, lifespan="on")
        server = uvicorn.Server(settings)
        ends = server.handle_exit

        def end(sig: int, frame: FrameType | None) -> None:
            # Whoever waits for a song is told. In a thread of its own: the one that is interrupted may hold the lock.
            threading.Thread(target=service.engine.close).start()
            ends(sig, frame)

        server.handle_exit = end
        server.run(sockets=[listening])


def _service(config: ServeConfig) -> "Service":
    from generate.serving.api import Service
    from generate.serving.engine import Engine
    from generate.serving.errors import ApiError
    from generate.serving.models import Models
    from generate.serving.schema import Limits

    named = config.checkpoint or config.corpus or config.artist
    models = Models(config.folder if named else None, config.device)
    if models.default:
        try:
            models.load(models.default)
        except ApiError as error:
            raise UserError(error.message) from error
    limits = Limits(
        max_tokens=config.max_tokens,
        max_songs=config.max_songs,
        max_prompt=config.max_prompt,
        max_lines=config.max_lines,
    )
    engine = Engine(
        max_rows=config.max_rows,
        max_waiting=config.max_waiting,
        max_poems=config.max_songs,
        timeout=config.timeout,
    )
    return Service(models, engine, limits)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    """A socket that is bound; raises UserError when the port is taken or the host is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror or error}", "choose another --port"
        ) from error
    return listening


if __name__ == "__main__":
    run(main, ServeConfig)
