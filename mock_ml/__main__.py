"""``python -m mock_ml``: the service on one port."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

import uvicorn

CANNOT_RUN = 4
FAULT = 70
"""As ``devenv`` ends: by what the machine lacks (a free port), and by a fault of its own."""
LAST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments and serve until interrupted; gives the exit code (2: wrong arguments)."""
    given = _parser().parse_args(arguments)
    if given.unread_text is not None:
        os.environ["MOCK_ML_UNREAD_TEXT"] = given.unread_text
    if given.seed is not None:
        os.environ["MOCK_ML_SEED"] = str(given.seed)
    try:
        from mock_ml.app import app  # it reads the environment

        # A request held by a time-out fault must not keep the service from ending.
        uvicorn.run(app, host=given.host, port=given.port, timeout_graceful_shutdown=2)
    except SystemExit as end:
        return end.code if end.code == 2 else CANNOT_RUN  # uvicorn ends so, and has logged why
    except Exception:
        traceback.print_exc()
        return FAULT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mock_ml", description="The mock YOLO/OCR service.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=8001)
    parser.add_argument("--seed", type=int, help="pictures and faults are a function of it (MOCK_ML_SEED, 1)")
    parser.add_argument(
        "--unread-text", help="what is read in a blank drawing (MOCK_ML_UNREAD_TEXT, unreadable)"
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{port} is not in 0 .. {LAST_PORT}")
    return port


if __name__ == "__main__":
    sys.exit(main())
