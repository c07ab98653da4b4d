"""Ways to end one direction or all of a TCP connection."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

# SO_LINGER takes two ints on POSIX and two shorts on Windows; on with 0 seconds means: reset
_RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def half_close(transport: Any) -> None:
    """Say that nothing more will be sent, after what was written; reading goes on."""
    if not transport.is_closing() and transport.can_write_eof():
        transport.write_eof()


def reset(transport: Any) -> None:
    """End the connection with RST, so that the peer cannot take what it got for the whole."""
    handle = transport.get_extra_info("socket")
    if handle is not None and not transport.is_closing():
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
