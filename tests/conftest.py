"""Shared by all tests: a test that lacks what it needs fails where everything must be there."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.kafka.fixtures import FAILED_WITH, broker, cluster, prefix, secured

__all__ = ["broker", "cluster", "prefix", "secured"]

REQUIRE_ALL = "LENDWATCH_REQUIRE_ALL"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where LENDWATCH_REQUIRE_ALL is set, as in CI, a skipped test is a failed one; and what a
    failed test stood on is remembered, so that its logs are kept."""
    report = yield
    if report.failed:
        item.config.stash.setdefault(FAILED_WITH, set()).update(getattr(item, "fixturenames", ()))
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(REQUIRE_ALL):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although {REQUIRE_ALL} is set"
    return report
