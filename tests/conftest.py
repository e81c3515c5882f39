"""Properties look at other examples in every run here, and at the same ones in every run of CI, so that what
CI says of a change is about that change. `FLOW_EXAMPLES=5000` has each property look at so many.

All tests together run on all processors. A part of them runs here, in the process that was started: there it
is seldom slower, a debugger can look at it, and what it prints is seen. `-n` asks for either."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest
from hypothesis import is_hypothesis_test, settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """None is for as many as there are processors."""
    picked = config.getoption("keyword") or config.getoption("lf", False)
    return None if all(map(os.path.isdir, config.args)) and not picked else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each property look at as many examples as were asked for, whatever it says itself."""
    examples = os.environ.get("FLOW_EXAMPLES")
    if not examples:
        return
    for item in items:
        test = getattr(item, "function", None)
        if is_hypothesis_test(test):  # Hypothesis has no public way to change what a decorator has set
            own = test._hypothesis_internal_use_settings
            test._hypothesis_internal_use_settings = settings(own, max_examples=int(examples))


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background: the processes that tests interrupt would inherit that, and heed no interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def surroundings_of_their_own():
    """No test writes to the store of whoever runs it, or sees how wide their terminal is."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        patch.setenv("FLOW_STORE", os.path.join(folder, "runs.db"))
        yield
