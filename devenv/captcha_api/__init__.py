"""The reference captcha service: ordinary FastAPI and redis-py.

Run it as ``python -m uvicorn devenv.captcha_api.app:app``; it reads its environment only (``settings``).
"""
