"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is slow, not wrong: no example has to finish in a given time.
settings.register_profile("nanobook", deadline=None, print_blob=True)
settings.load_profile("nanobook")
