"""Progress on a terminal; silence anywhere else."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn,
)  # fmt: skip

Report = Callable[[int], None]  # told how many bytes of the logs have been read so far


@contextlib.contextmanager
def bytes_read(title: str, logs: Sequence[str]) -> Iterator[Report | None]:
    """A bar over the bytes of the logs on stderr; without an end where a size is not known."""
    if not sys.stderr.isatty():
        yield None
        return
    sizes = [Path(name).stat().st_size if Path(name).is_file() else None for name in logs]
    known = [size for size in sizes if size is not None]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    with Progress(
        *columns, DownloadColumn(), TimeElapsedColumn(), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task(title, total=sum(known) if len(known) == len(sizes) else None)
        yield lambda count: bar.update(task, completed=count)
