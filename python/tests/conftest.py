"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

# A shell ignores Ctrl-C in what it starts in the background, and so would the programs that the
# tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is slow, not wrong: no example has to finish in a given time.
settings.register_profile("nanobook", deadline=None, print_blob=True)
settings.load_profile("nanobook")
