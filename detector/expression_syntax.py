"""Expressions of rules: parsed by sqlglot, held to an allow-list, checked for types.

What is allowed: columns, `:parameters`, numbers, strings (only against enumerations), TRUE, FALSE,
AND, OR, NOT, = <> < <= > >=, BETWEEN, IN, + - * /, unary minus, ABS, CASE WHEN, IS [NOT] NULL,
COALESCE, GREATEST, LEAST. Nothing else passes. What eats a NULL (IS NULL, COALESCE, GREATEST,
LEAST, a CASE that goes on after a condition that was NULL) is allowed only over what is never NULL
or is declared optional, so that "not known" never becomes "clear" by accident.
"""

from __future__ import annotations

from typing import Final

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from detector.expression_checker import Checker, article
from detector.expression_tree import ExpressionError, Kind, Node, Scope

NODES_MAX: Final = 96
DEPTH_MAX: Final = 16
CHARS_MAX: Final = 4000
TOKENS_MAX: Final = 400


def parse_condition(sql: str, scope: Scope) -> Node:
    """The checked tree of a boolean expression; ExpressionError where it is refused."""
    return _parse(sql, scope, "boolean", "true or false")


def parse_amount(sql: str, scope: Scope) -> Node:
    """The checked tree of an expression that is a number; ExpressionError where it is refused."""
    return _parse(sql, scope, "number", "a number")


def _parse(sql: str, scope: Scope, kind: Kind, wanted: str) -> Node:
    _check_tokens(sql)
    try:
        statements = sqlglot.parse(sql)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        place = f" near line {first['line']}, column {first['col']}" if first else ""
        raise ExpressionError(f"is no SQL expression{place}") from error
    except RecursionError as error:
        raise ExpressionError("is nested too deeply") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Expression):
        raise ExpressionError(f"must be one expression, found {len(statements)} statements")
    tree = Checker(scope).check(statements[0])
    nodes = sum(1 for _ in tree.walk())
    if nodes > NODES_MAX:
        raise ExpressionError(f"has {nodes} terms, more than {NODES_MAX}")
    if tree.depth() > DEPTH_MAX:
        raise ExpressionError(f"is nested {tree.depth()} deep, more than {DEPTH_MAX}")
    if tree.kind != kind:
        raise ExpressionError(f"must be {wanted}, found {article(tree.kind)}")
    return tree


def _check_tokens(sql: str) -> None:
    """Refuse what could be costly or hidden before anything recursive looks at it."""
    if len(sql) > CHARS_MAX:
        raise ExpressionError(f"has {len(sql)} characters, more than {CHARS_MAX}")
    try:
        tokens = sqlglot.tokenize(sql)
    except TokenError as error:
        raise ExpressionError("is no SQL expression") from error
    if not tokens:
        raise ExpressionError("must not be empty")
    if len(tokens) > TOKENS_MAX:
        raise ExpressionError(f"has {len(tokens)} words, more than {TOKENS_MAX}")
    if any(token.comments for token in tokens) or "--" in sql or "/*" in sql:
        raise ExpressionError("must hold no comment; write it beside the rule")
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        raise ExpressionError('must be one expression, found ";"')
    if _nesting(tokens) > DEPTH_MAX:
        raise ExpressionError(f"is nested more than {DEPTH_MAX} deep")


def _nesting(tokens: list[Token]) -> int:
    """The deepest nesting of brackets, CASEs and runs of NOT, + and -."""
    opened, run, deepest = 0, 0, 0
    for token in tokens:
        kind = token.token_type
        run = run + 1 if kind in (TokenType.NOT, TokenType.DASH, TokenType.PLUS) else 0
        opened += kind in (TokenType.L_PAREN, TokenType.CASE)
        opened -= kind in (TokenType.R_PAREN, TokenType.END)
        deepest = max(deepest, opened + run)
    return deepest
