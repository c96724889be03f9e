"""Style is a test: sizes, imports that point one way, what the pure half may not touch, words.

The checks are functions of a file's path and text, so that they are themselves tested, below, on
small bad examples.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULE_MAX_LINES, FUNCTION_MAX_LINES, LINE_MAX_COLUMNS = 300, 60, 100
TEST_MODULE_MAX_LINES = 500  # tests are lists of cases

TOP_LEVEL = {
    "pyproject.toml", "detector", "streams", "deploy", "tests", "README.md", "Makefile",
    "requirements.lock", "requirements-dev.lock", "requirements-peers.lock", "LICENSE",
    "demo",  # what `make demo` writes; never committed
    "build",  # pictures of the report, which its test takes; never committed
}  # fmt: skip

# What the pure half may import of the standard library, and of others.
PURE_IMPORTS = {
    "__future__", "ast", "base64", "bisect", "calendar", "collections", "contextlib", "copy",
    "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib",
    "heapq", "ipaddress", "itertools", "json", "math", "operator", "pathlib", "re", "string",
    "struct", "tomllib", "types", "typing", "unicodedata", "zlib", "zoneinfo",
    "llvmlite", "msgspec", "numba", "numpy", "orjson", "polars", "sqlglot",
}  # fmt: skip
IMPURE_CALLS = re.compile(
    r"^(print|input|open|eval|exec|(datetime|date)\.(now|utcnow|today)|(np|numpy)\.random.*)$"
)
# The one way of imports: a module may import only modules of its own or an earlier row.
ORDER = (
    ("events", "jit"),
    ("decode", "memory"),
    ("kernel",),
    ("features",),
    ("rules",),
    ("alerts",),
    ("decisions",),
    ("stage",),
    ("engine",),
)

# What no file of the project may say; written apart so that this file does not say it either.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(work|home|root|Users|tmp/v)/"),
    "a registry's host": re.compile(
        "|".join(
            f"{name}[.]{end}"
            for name, end in (
                ("pypi", "org"),
                ("python[h]osted", "org"),
                ("npmjs", "org"),
                ("crates", "io"),
                ("proxy[.]golang", "org"),
                ("repo[.]maven", "apache"),
            )
        )
    ),
    "work left over": re.compile("TO" + "DO|FIX" + "ME|XX" + "X\\b"),
}
TEXT_SUFFIXES = {".py", ".md", ".toml", ".lock", ".yaml", ".yml", ".json", ".jsonl", ".txt", ".xml",
                 ".properties", ""}  # fmt: skip


def python_faults(path: str, text: str) -> Iterator[str]:
    """What is untidy about one Python file, one line a fault."""
    tree = ast.parse(text)
    lines = text.splitlines()
    most = TEST_MODULE_MAX_LINES if path.startswith("tests/") else MODULE_MAX_LINES
    if len(lines) > most:
        yield f"{path}: {len(lines)} lines; at most {most}"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX_COLUMNS:
            yield f"{path}:{number}: {len(line)} columns; at most {LINE_MAX_COLUMNS}"
    if not ast.get_docstring(tree) and lines:
        yield f"{path}: no docstring that says what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_MAX_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines"
        elif isinstance(node, ast.ExceptHandler) and is_broad(node):
            yield f"{path}:{node.lineno}: a broad except"
    if not path.startswith("tests/"):
        yield from repeated_names(path, tree)


def is_broad(node: ast.ExceptHandler) -> bool:
    """Whether it takes everything, and does not hand it on to whoever waits for a result."""
    if any(
        isinstance(one, ast.Attribute) and one.attr == "set_exception" for one in ast.walk(node)
    ):
        return False
    return node.type is None or (
        isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
    )


def repeated_names(path: str, tree: ast.AST) -> Iterator[str]:
    """Literal keys of a dictionary, or names in a list or tuple of names, that come twice."""
    for node in ast.walk(tree):
        values: list[ast.expr | None] = []
        if isinstance(node, ast.Dict):
            values = list(node.keys)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and is_explicit_list(node):
            assert isinstance(node.value, ast.List | ast.Tuple | ast.Set)
            values = list(node.value.elts)
        texts = [value.value for value in values if isinstance(value, ast.Constant)]
        for text in sorted({str(text) for text in texts if texts.count(text) > 1}):
            yield f"{path}:{node.lineno}: {text!r} is listed twice"


def is_explicit_list(node: ast.Assign | ast.AnnAssign) -> bool:
    """An upper-case name given a literal list of words: one of the project's explicit lists."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return (
        isinstance(targets[0], ast.Name)
        and targets[0].id.isupper()
        and isinstance(node.value, ast.List | ast.Tuple | ast.Set)
        and all(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in node.value.elts)
    )


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, ("." * node.level) + (node.module or "")


def pure_faults(path: str, text: str) -> Iterator[str]:
    """What a module of detector/ may not do: effects, and imports against the one way."""
    tree = ast.parse(text)
    own_row = row_of(Path(path).stem)
    for line, name in imported(tree):
        package, _, rest = name.partition(".")
        if package == "detector":
            row = row_of(rest)
            if own_row is not None and row is not None and row > own_row:
                yield f"{path}:{line}: imports {name}, which stands above it"
        elif package == "river" and path.startswith("detector/models/"):
            continue  # it learns; nothing else may
        elif package not in PURE_IMPORTS:
            yield f"{path}:{line}: imports {name}; detector/ is pure"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and IMPURE_CALLS.match(ast.unparse(node.func)):
            yield f"{path}:{node.lineno}: calls {ast.unparse(node.func)}; detector/ is pure"


def row_of(module: str) -> int | None:
    return next((row for row, names in enumerate(ORDER) if module in names), None)


def environment_faults(path: str, text: str) -> Iterator[str]:
    """The environment is read in streams/settings.py alone."""
    if path == "streams/settings.py":
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "putenv"):
            yield f"{path}:{node.lineno}: reads the environment"


def word_faults(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in FORBIDDEN.items():
            if pattern.search(line):
                yield f"{path}:{number}: {what}"


def files() -> list[Path]:
    """Every file of the project that is its own; what tools leave behind is skipped."""
    hidden = re.compile(r"^(\.(?!ci$|gitignore$).*|__pycache__|demo|build)$")
    found = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not any(hidden.match(part) for part in parts):
            found.append(path)
    assert found, "the project's files are not here"
    return found


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PYTHON = [path for path in files() if path.suffix == ".py"]
PURE = [path for path in PYTHON if named(path).startswith("detector/")]
PACKAGES = [path for path in PYTHON if named(path).startswith(("detector/", "streams/"))]


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_a_module_is_small_and_says_what_it_is(path: Path) -> None:
    assert list(python_faults(named(path), path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", PURE, ids=named)
def test_the_pure_half_has_no_effects_and_its_imports_point_one_way(path: Path) -> None:
    assert list(pure_faults(named(path), path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", PACKAGES, ids=named)
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    assert list(environment_faults(named(path), path.read_text("utf-8"))) == []


def test_no_file_says_what_is_not_the_projects_own() -> None:
    faults = []
    for path in files():
        if path.suffix in TEXT_SUFFIXES and path.name != "LICENSE":
            faults += word_faults(named(path), path.read_text("utf-8"))
    assert faults == []


def test_the_top_level_holds_only_what_it_should() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - TOP_LEVEL == set()


def test_every_test_module_mirrors_a_folder_of_the_packages() -> None:
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() for path in PYTHON
               if named(path).startswith("tests/") and path.name.startswith("test_")}  # fmt: skip
    assert folders <= {
        ".",
        "detector",
        "streams",
        "streams/service",
        "kafka",
        "faults",
        "bench",
        "deploy",
    }


BAD = '''import logging
from detector.engine import Engine
from streams.logs import Log
NAMES = ("a", "b", "a")
CODES = {"x": 1, "x": 2}
def long():
''' + "    pass\n" * 61 + '''
try:
    print(os.environ["A"])
except Exception:
    now = datetime.now()
''' + "x = '" + "y" * 100 + "'\n"  # fmt: skip


def test_the_checker_sees_each_fault() -> None:
    found = "\n".join(python_faults("detector/decode.py", BAD))
    for fault in ("no docstring", "long has 62 lines", "broad except", "106 columns",
                  "'a' is listed twice", "'x' is listed twice"):  # fmt: skip
        assert fault in found
    assert "300" in "\n".join(python_faults("x.py", '"""It."""\n' + "a = 1\n" * 300))


def test_the_checker_sees_each_effect() -> None:
    found = "\n".join(pure_faults("detector/decode.py", BAD))
    for fault in ("imports logging", "imports detector.engine, which stands above it",
                  "imports streams.logs", "calls print", "calls datetime.now"):  # fmt: skip
        assert fault in found
    assert "reads the environment" in "\n".join(environment_faults("streams/cli.py", BAD))
    assert list(environment_faults("streams/settings.py", BAD)) == []


def test_the_checker_sees_each_word() -> None:
    for text in ("see /ho" + "me/me/x", "from https://py" + "pi.org/x", "# TO" + "DO later"):
        assert len(list(word_faults("x.md", text))) == 1
    assert list(word_faults("x.md", "path = work/home.txt, /etc/passwd")) == []


def test_the_checker_says_nothing_of_a_tidy_file() -> None:
    tidy = '"""It is small."""\n\nfrom detector.events import T\n\nNAMES = ("a", "b")\n'
    assert list(python_faults("detector/decode.py", tidy)) == []
    assert list(pure_faults("detector/decode.py", tidy)) == []
