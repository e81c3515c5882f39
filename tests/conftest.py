"""Properties look at other examples in every run here, and at the same ones in every run of CI, so that what
CI says of a change is about that change."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background: the processes that tests interrupt would inherit that, and heed no interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def store_of_their_own():
    """No test writes to the store of whoever runs it."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOW_STORE", os.path.join(folder, "runs.db"))
        yield
