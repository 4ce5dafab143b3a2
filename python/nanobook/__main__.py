"""`python -m nanobook`."""

from __future__ import annotations

from nanobook.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
