"""The two backends of a stack and the languages of the output."""

from __future__ import annotations

from typing import Literal

Backend = Literal["embedded", "compose"]


Language = Literal["en", "ko"]
