"""Properties look at other examples in every run here, and at the same ones in every run of CI, so that what
CI says of a change is about that change."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
