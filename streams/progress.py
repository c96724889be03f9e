"""Progress on a terminal; silence anywhere else."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)  # fmt: skip

Report = Callable[[int], None]  # told how many bytes of the logs have been read so far
Steps = Callable[[int, int], None]  # told how many steps are done, of how many


@contextlib.contextmanager
def bytes_read(title: str, logs: Sequence[str]) -> Iterator[Report | None]:
    """A bar over the bytes of the logs; without an end where a size is not known."""
    if not sys.stderr.isatty():
        yield None
        return
    sizes = [Path(name).stat().st_size if Path(name).is_file() else None for name in logs]
    known = [size for size in sizes if size is not None]
    with _bar(DownloadColumn()) as bar:
        task = bar.add_task(title, total=sum(known) if len(known) == len(sizes) else None)
        yield lambda count: bar.update(task, completed=count)


@contextlib.contextmanager
def steps_done(title: str, unit: str) -> Iterator[Steps | None]:
    """A bar over counted steps."""
    if not sys.stderr.isatty():
        yield None
        return
    with _bar(MofNCompleteColumn()) as bar:
        task = bar.add_task(f"{title} ({unit})", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _bar(amount: DownloadColumn | MofNCompleteColumn) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        amount,
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
