"""``devenv.captcha_api.app:app``, for uvicorn; wrong settings end the process with one line."""

from __future__ import annotations

from devenv.captcha_api.factory import create_app
from devenv.captcha_api.settings import load_or_exit

app = create_app(load_or_exit())
