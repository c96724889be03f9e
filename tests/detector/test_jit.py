"""Compiled code is cached by what it was compiled from."""

from __future__ import annotations

from pathlib import Path

from detector.jit import sources_digest


def test_a_change_in_any_module_makes_everything_compile_anew(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text("import callee\n")
    (tmp_path / "callee.py").write_text("VALUE = 1\n")
    before = sources_digest(tmp_path)
    assert sources_digest(tmp_path) == before
    (tmp_path / "callee.py").write_text("VALUE = 2\n")
    assert sources_digest(tmp_path) != before
