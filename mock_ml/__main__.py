"""``python -m mock_ml``: the service on one port."""

from __future__ import annotations

import argparse
import os

import uvicorn


def main() -> None:
    """Parse the arguments and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="mock_ml", description="The mock YOLO/OCR service.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--seed", type=int, help="pictures and faults are a function of it (MOCK_ML_SEED, 1)")
    parser.add_argument(
        "--unread-text", help="what is read in a blank drawing (MOCK_ML_UNREAD_TEXT, unreadable)"
    )
    arguments = parser.parse_args()
    if arguments.unread_text is not None:
        os.environ["MOCK_ML_UNREAD_TEXT"] = arguments.unread_text
    if arguments.seed is not None:
        os.environ["MOCK_ML_SEED"] = str(arguments.seed)
    # A request held by a time-out fault must not keep the service from ending.
    uvicorn.run("mock_ml.app:app", host=arguments.host, port=arguments.port, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
