"""Which scripts the Redis model can run."""

from __future__ import annotations

from pathlib import Path

import devenv.captcha_api
from devenv.core.spec.redis_model import Script, sha_of
from devenv.core.spec.scripts import claim


def known_scripts() -> dict[str, Script]:
    """The Redis model's models of the scripts that the reference stores call, by SHA-1."""
    lua = Path(devenv.captcha_api.__path__[0], "stores", "claim.lua").read_text(encoding="utf-8")
    return {sha_of(lua): claim}
