"""Clients that only ever speak plain HTTP to this machine."""

from __future__ import annotations

import ssl

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For ``verify=`` of an httpx client: knows no certificate authority, so it would trust no server over TLS.

httpx reads the system's authorities for every client that is made, 18 ms each, also where no TLS follows.
"""
