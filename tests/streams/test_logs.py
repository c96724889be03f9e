"""Reading logs: every line once, with its number, whatever the file's form and the batch's size."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from streams import logs
from streams.logs import Lines, Log, LogError

FORMS = {
    "log.jsonl": lambda text: text,
    "log.jsonl.gz": gzip.compress,
    "log.jsonl.zst": lambda text: zstandard.compress(text),
}


def written(folder: Path, name: str, text: bytes) -> str:
    path = folder / name
    path.write_bytes(FORMS[name](text))
    return str(path)


def read(name: str, size: int = 4096) -> tuple[Log, list[Lines]]:
    log = Log(name)
    batches = list(log.batches(size))
    log.close()
    return log, batches


def lines_of(batches: list[Lines]) -> list[tuple[int, bytes]]:
    return [pair for batch in batches for pair in zip(batch.numbers, batch.lines, strict=True)]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("size", [1, 2, 4096])
def test_every_line_comes_once_with_its_number(tmp_path: Path, name: str, size: int) -> None:
    log, batches = read(written(tmp_path, name, b'{"a":1}\n\n{"b":2}\n  \r\n{"c":3}'), size)
    assert lines_of(batches) == [(1, b'{"a":1}'), (3, b'{"b":2}'), (5, b'{"c":3}')]
    assert (log.line_count, log.blank_count) == (5, 2)
    assert all(len(batch.lines) <= size for batch in batches)


@pytest.mark.parametrize("name", FORMS)
def test_the_hash_and_the_size_are_of_the_file_as_it_lies_there(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, b'{"a":1}\n' * 1000)
    log, _ = read(path)
    raw = Path(path).read_bytes()
    assert (log.bytes_read, log.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())


def test_a_log_not_read_to_its_end_has_no_hash(tmp_path: Path) -> None:
    log = Log(written(tmp_path, "log.jsonl", b"{}\n" * 10))
    next(log.batches(1))
    assert log.sha256 is None
    log.close()


@pytest.mark.parametrize("name", FORMS)
def test_a_byte_order_mark_is_skipped_at_the_very_start_only(tmp_path: Path, name: str) -> None:
    mark = b"\xef\xbb\xbf"
    _, batches = read(written(tmp_path, name, mark + b"{}\n" + mark + b"{}\n"))
    assert lines_of(batches) == [(1, b"{}"), (2, mark + b"{}")]


@pytest.mark.parametrize("text", [b"", b"\n", b"\xef\xbb\xbf", b"\n\n \n"])
def test_a_log_of_nothing_gives_nothing(tmp_path: Path, text: bytes) -> None:
    _, batches = read(written(tmp_path, "log.jsonl", text))
    assert batches == []


def test_the_form_is_seen_from_the_content_where_the_name_does_not_tell(tmp_path: Path) -> None:
    for compress in (gzip.compress, zstandard.compress):
        path = tmp_path / "log"
        path.write_bytes(compress(b"{}\n"))
        assert lines_of(read(str(path))[1]) == [(1, b"{}")]


def test_parts_compressed_one_by_one_are_one_log(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a"') + gzip.compress(b":1}\n") + b"\0" * 512)
    assert lines_of(read(str(path))[1]) == [(1, b'{"a":1}')]
    path = tmp_path / "log.jsonl.zst"
    path.write_bytes(zstandard.compress(b'{"a"') + zstandard.compress(b":1}\n"))
    assert lines_of(read(str(path))[1]) == [(1, b'{"a":1}')]


def varied(count: int) -> bytes:
    return b"".join(b'{"n":%d,"x":"%s"}\n' % (n, hashlib.sha256(b"%d" % n).hexdigest().encode())
                    for n in range(count))  # fmt: skip


@pytest.mark.parametrize("name", ["log.jsonl.gz", "log.jsonl.zst"])
@pytest.mark.parametrize("kept", [0, 1, 5, 0.5, 0.99, -1])
def test_of_a_log_cut_short_whole_lines_are_used_and_the_cut_is_told(
    tmp_path: Path, name: str, kept: float
) -> None:
    text = varied(20_000)
    path = Path(written(tmp_path, name, text))
    raw = path.read_bytes()
    path.write_bytes(raw[: int(kept * len(raw)) if 0 < kept < 1 else int(kept)])
    log, got = Log(str(path)), []
    with pytest.raises(LogError, match=r"is cut short after line \d+$"):
        got.extend(log.batches(100))
    log.close()
    # extend() keeps what came before the error
    assert [line for _, line in lines_of(got)] == text.split(b"\n")[: len(lines_of(got))]
    assert log.sha256 is None
    if kept in (0.5, 0.99):
        assert log.line_count > 0.3 * kept * 20_000


@pytest.mark.parametrize("name", ["log.gz", "log.zst"])
def test_a_log_that_is_not_what_its_name_says_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b'{"a":1}\n')
    log = Log(str(tmp_path / name))
    with pytest.raises(LogError, match=r"is not (gzip|zstd), or is broken, after line 0"):
        list(log.batches(10))
    log.close()


def test_a_log_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(LogError) as told:
            Log(str(path))
        assert str(path) in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize("name", FORMS)
def test_a_long_line_keeps_its_original_bytes(tmp_path: Path, name: str) -> None:
    long = b'{"x":"' + b"y" * (2 << 20) + b'"}'
    _, batches = read(written(tmp_path, name, b"{}\n" + long + b"\n{}\n"))
    assert lines_of(batches) == [(1, b"{}"), (2, long), (3, b"{}")]
    assert not any(batch.lengths for batch in batches)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("size", [1, 4096])
def test_of_a_line_without_end_the_beginning_and_the_length_are_kept(
    tmp_path: Path, name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "KEPT_MAX_BYTES", 1000)
    text = b"{}\n" + b"x" * 700_000 + b"\n\n" + b"y" * 1001
    _, batches = read(written(tmp_path, name, text), size)
    assert lines_of(batches) == [(1, b"{}"), (2, b"x" * 1000), (4, b"y" * 1000)]
    lengths = [
        (batch.numbers[at], length) for batch in batches for at, length in batch.lengths.items()
    ]
    assert lengths == [(2, 700_000), (4, 1001)]


def test_long_lines_end_a_batch_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "BATCH_MAX_BYTES", 1 << 20)
    _, batches = read(written(tmp_path, "log.jsonl", (b"x" * 300_000 + b"\n") * 20))
    assert [number for number, _ in lines_of(batches)] == list(range(1, 21))
    assert max(sum(map(len, batch.lines)) for batch in batches) < 2 << 20


def test_memory_does_not_follow_the_length_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log.zst"
    compressor = zstandard.ZstdCompressor().compressobj()
    with path.open("wb") as file:
        for _ in range(1000):
            file.write(compressor.compress(b"x" * 1_000_000))
        file.write(compressor.flush())
    program = (
        "import sys; from streams.logs import Log; log = Log(sys.argv[1])\n"
        "from streams.memory_used import peak_memory_bytes\n"
        "assert [batch.lengths for batch in log.batches(9)] == [{0: 1000000000}]\n"
        "print(peak_memory_bytes())"
    )
    command = [sys.executable, "-c", program, str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(told.stdout) < 200 << 20


@given(text=st.binary(max_size=300), size=st.integers(1, 5))
@example(text=b"\n\r\n x\n", size=1)
def test_lines_are_those_of_a_plain_split(text: bytes, size: int) -> None:
    text = b"{" + text  # neither a byte order mark nor a compressed file
    with tempfile.TemporaryDirectory() as folder:
        _, batches = read(written(Path(folder), "log.jsonl", text), size)
    expected = [(n, line) for n, line in enumerate(text.split(b"\n"), 1) if line.strip()]
    assert lines_of(batches) == expected
