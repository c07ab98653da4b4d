"""The reference captcha service: ordinary FastAPI and redis-py."""
