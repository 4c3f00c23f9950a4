"""Measurements, and the table of their medians."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One training of one side."""

    system: str
    repeat: int
    val_loss: float
    """Nats per token over the whole validation part."""
    bits_per_char: float
    seconds: float
    """Of training, without the program's start."""
    steps: int
    process_seconds: float
    """From the program's start to its end."""
    cpu_seconds: float
    """Of the whole program, all threads."""

    def __str__(self) -> str:
        return (
            f"{self.system:<20} {self.val_loss:.4f} nats/token  {self.bits_per_char:.4f} bits/char  "
            f"{self.seconds:.1f} s  {self.steps:,} steps  {self.cpu_seconds:.0f} s of CPU"
        )


HEAD = (
    "| side | nats/token | bits/char | seconds | CPU seconds | steps | bits/char of each run |\n"
    + "|---|---|---|---|---|---|---|"
)


def as_table(measured: list[Measurement]) -> str:
    """Medians of each side, in Markdown, with what every run gave; sides in the order they first came."""
    rows = [HEAD]
    for system in dict.fromkeys(measurement.system for measurement in measured):
        runs = [measurement for measurement in measured if measurement.system == system]
        loss, bits, seconds, cpu, steps = (
            statistics.median(getattr(one, name) for one in runs)
            for name in ("val_loss", "bits_per_char", "seconds", "cpu_seconds", "steps")
        )
        each = ", ".join(f"{one.bits_per_char:.4f}" for one in runs)
        rows.append(f"| {system} | {loss:.4f} | {bits:.4f} | {seconds:.1f} | {cpu:.0f} | {steps:,.0f} | {each} |")
    return "\n".join(rows)
