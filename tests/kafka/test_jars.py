"""The cache of jars: what is incomplete is not used, and what is lacking is told with the cure."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.kafka.jars import CACHE_VARIABLE, LISTING, POM, Unavailable, cache, jars, sizes, whole


def test_a_folder_with_a_jar_that_is_cut_short_is_not_used(tmp_path: Path) -> None:
    assert not whole(tmp_path)
    jar = tmp_path / "one.jar"
    jar.write_bytes(b"all of it")
    known = {"pom": POM.read_text("utf-8"), "sizes": sizes(tmp_path)}
    (tmp_path / LISTING).write_bytes(orjson.dumps(known))
    assert whole(tmp_path)
    jar.write_bytes(b"all")
    assert not whole(tmp_path)


def test_a_machine_without_java_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"`java` is not here: install Java .* KAFKA_BOOTSTRAP"):
        jars()


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache() == tmp_path
