"""A rule's table of cases."""

import pytest


def table(cases: list[tuple[str, str]]) -> pytest.MarkDecorator:
    """Run a test for each pair of `before` and `after`."""
    return pytest.mark.parametrize(("before", "after"), cases, ids=[str(number) for number in range(len(cases))])
