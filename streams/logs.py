"""Event logs: .jsonl, .gz, .zst or standard input as batches of raw lines with their numbers.

A log is read once, from its start to its end, in pieces of bounded size. Of a line that is longer
than `KEPT_MAX_BYTES` only that much is kept, with the length of the whole: no line is worth the
process. Whether a line is an event is for the decoder to say.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import zstandard

from streams.faults import Fault

STDIN = "-"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Beyond this a line is kept by its beginning only. Above the contract's 1 MiB, so that it still is
# too_large, and every line that people meet in practice keeps its original bytes.
KEPT_MAX_BYTES = 8 << 20
BATCH_MAX_BYTES = 32 << 20  # long lines end a batch before its count of lines does
# What is read at once. Compressed pieces are small because of what can come out of them: 1,032
# times as much of gzip, 128 KiB of every 4 bytes of zstd.
PIECE_BYTES = {"plain": 256 << 10, "gzip": 8 << 10, "zstd": 1 << 10}
FORMAT_OF_SUFFIX = {".gz": "gzip", ".zst": "zstd"}
FORMAT_OF_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class LogError(Fault):
    """A log that cannot be opened, is broken or is cut short; its text is one clear line."""


@dataclass(slots=True)
class Lines:
    """Lines of a log as they stand in it, without their line ends; blank ones left out."""

    lines: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # of each line in its log, from 1
    lengths: dict[int, int] = field(default_factory=dict)  # position → bytes, if not all kept

    def cut(self, size: int) -> Lines:
        """The first `size` lines, taken out of these."""
        lengths = self.lengths
        taken = Lines(
            self.lines[:size],
            self.numbers[:size],
            {at: length for at, length in lengths.items() if at < size},
        )
        del self.lines[:size], self.numbers[:size]
        self.lengths = {at - size: length for at, length in lengths.items() if at >= size}
        return taken

    def extend(self, lines: list[bytes], numbers: list[int], lengths: dict[int, int]) -> None:
        """Put lines behind these; `lengths` by their position among the new ones."""
        for at, length in lengths.items():
            self.lengths[len(self.lines) + at] = length
        self.lines += lines
        self.numbers += numbers


class Log:
    """One event log and what has been read of it so far.

    `bytes_read` and `sha256` are of the file as it lies there (compressed where it is). `sha256` is
    None until the log was read to its end.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        # The name as files of UTF-8 can hold it, whatever bytes the file system's name has.
        self.label = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        self.bytes_read = 0
        self.line_count = 0
        self.blank_count = 0
        self.sha256: str | None = None
        self._hash = hashlib.sha256()
        self._open_line = _OpenLine()
        self._broken = ""
        self._file = self._opened()

    def _opened(self) -> io.BufferedReader:
        if self.name == STDIN:
            return open(sys.stdin.fileno(), "rb", closefd=False)
        try:
            return open(self.name, "rb")
        except OSError as error:
            raise LogError(f"{self.label}: cannot be read: {error.strerror}") from None

    def close(self) -> None:
        """Let the file go; standard input stays open."""
        if self.name != STDIN:
            self._file.close()

    def batches(self, size: int) -> Iterator[Lines]:
        """The log's lines, at most `size` at a time. LogError where the log is broken, after all
        that could be read of it; what stands unfinished at the break is no line."""
        waiting, held_bytes = Lines(), 0
        for chunk in self._chunks():
            held_bytes += min(len(chunk), KEPT_MAX_BYTES)
            self._number(*self._open_line.split(chunk), waiting)
            full = held_bytes >= BATCH_MAX_BYTES
            while len(waiting.lines) >= size or (full and waiting.lines):
                yield waiting.cut(size)
                held_bytes = sum(map(len, waiting.lines))
        if not self._broken and self._open_line.length:
            line, lengths = self._open_line.take()
            self._number([line], lengths, waiting)
        while waiting.lines:
            yield waiting.cut(size)
        if self._broken:
            raise LogError(f"{self.label}: {self._broken} after line {self.line_count}")
        self.sha256 = self._hash.hexdigest()

    def _number(self, lines: list[bytes], lengths: dict[int, int], waiting: Lines) -> None:
        first = self.line_count + 1
        self.line_count += len(lines)
        numbers = range(first, first + len(lines))
        full = [at for at, line in enumerate(lines) if line and not line.isspace()]
        if len(full) == len(lines):
            waiting.extend(lines, list(numbers), lengths)
            return
        self.blank_count += len(lines) - len(full)
        moved = {new: lengths[old] for new, old in enumerate(full) if old in lengths}
        waiting.extend([lines[at] for at in full], [numbers[at] for at in full], moved)

    def _chunks(self) -> Iterator[bytes]:
        """What the log says, decompressed, in pieces; `_broken` tells how it ended."""
        try:
            head = self._file.read(4)
            form = FORMAT_OF_SUFFIX.get(Path(self.name).suffix.lower(), "plain")
            if form == "plain":
                form = next((f for m, f in FORMAT_OF_MAGIC.items() if head.startswith(m)), form)
            pieces = self._pieces(head, PIECE_BYTES[form])
            yield from _without_mark(DECOMPRESSED[form](pieces))
        except _CutShort:
            self._broken = "is cut short"
        except (zlib.error, zstandard.ZstdError):
            self._broken = f"is not {form}, or is broken,"
        except OSError as error:
            self._broken = f"cannot be read further ({error.strerror})"

    def _pieces(self, head: bytes, size: int) -> Iterator[bytes]:
        piece = head
        while piece:
            self._hash.update(piece)
            self.bytes_read += len(piece)
            yield piece
            piece = self._file.read1(size)


class _OpenLine:
    """The line that has begun and whose end has not been read yet."""

    def __init__(self) -> None:
        self.length = 0
        self._parts: list[bytes] = []
        self._room = KEPT_MAX_BYTES

    def add(self, part: bytes) -> None:
        self.length += len(part)
        if part and self._room:
            part = part[: self._room]
            self._room -= len(part)
            self._parts.append(part)

    def take(self) -> tuple[bytes, dict[int, int]]:
        """The line, ended here; its whole length by position 0 where not all of it is kept."""
        line, length = b"".join(self._parts), self.length
        self.length, self._room = 0, KEPT_MAX_BYTES
        self._parts.clear()
        return line, {0: length} if length > len(line) else {}

    def split(self, chunk: bytes) -> tuple[list[bytes], dict[int, int]]:
        """The lines that end in this chunk, and the whole lengths of those not wholly kept."""
        lines = chunk.split(b"\n")
        self.add(lines[0])
        if len(lines) == 1:
            return [], {}
        lines[0], lengths = self.take()
        self.add(lines.pop())
        if len(chunk) > KEPT_MAX_BYTES:
            for at, line in enumerate(lines):
                if len(line) > KEPT_MAX_BYTES:
                    lines[at], lengths[at] = line[:KEPT_MAX_BYTES], len(line)
        return lines, lengths


class _CutShort(Exception):
    """A compressed log that ends before its own end mark."""


class _Stream(Protocol):
    """What the decompressors of zlib and zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _decompressed(pieces: Iterator[bytes], begin: Callable[[], _Stream]) -> Iterator[bytes]:
    stream: _Stream | None = None
    whole = False
    for piece in pieces:
        while piece:
            stream = stream or begin()
            yield stream.decompress(piece)
            whole = stream.eof
            piece = stream.unused_data.lstrip(b"\0") if whole else b""  # zeros may pad the end
            if whole:
                stream = None
    if not whole:
        raise _CutShort


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return _decompressed(pieces, lambda: zlib.decompressobj(wbits=31))


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return _decompressed(pieces, zstandard.ZstdDecompressor().decompressobj)


DECOMPRESSED: dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    "plain": lambda pieces: pieces,
    "gzip": _gunzipped,
    "zstd": _unzstd,
}


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same without a byte order mark at the very start."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(BYTE_ORDER_MARK):
            break
    yield head.removeprefix(BYTE_ORDER_MARK)
    yield from chunks
