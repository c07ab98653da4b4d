"""The token of HTTP: what a method, a header's name and a cookie's name are made of."""

from __future__ import annotations

HTTP_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""RFC 9110, section 5.6.2, as a pattern; a ``+`` behind it makes it possessive."""
