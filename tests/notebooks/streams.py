"""What a cell that fails has printed.

nbval says that there was something on stderr, and not what: a failure that does not come again
would leave nothing to go by. As a plugin, this adds the text to the report.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a cell that has failed a section for each text that it has printed."""
    report = yield
    if report.failed:
        for output in getattr(item, "test_outputs", None) or []:
            if output.output_type == "stream":
                report.sections.append((f"printed to {output.name}", output.text))
    return report
