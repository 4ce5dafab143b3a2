"""`python -m nanobook`."""

from __future__ import annotations

from nanobook.cli import main

raise SystemExit(main())
