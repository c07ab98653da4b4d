# One file for the three images of docker-compose.yml: targets captcha-api, mock-ml and edge (proxy and control API).
FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONUTF8=1 PYTHONPATH=/app PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# Optional, for networks with a package index of their own; not kept in the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY requirements.lock /tmp/requirements.lock
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked \
    pip install --require-hashes -r /tmp/requirements.lock
WORKDIR /app
EXPOSE 8000

FROM base AS mock-ml
COPY mock_ml /app/mock_ml
RUN python -m compileall -q /app
USER 10001:10001
CMD ["python", "-m", "uvicorn", "mock_ml.app:app", "--host", "0.0.0.0", "--port", "8001", "--no-access-log"]

FROM base AS devenv
COPY devenv /app/devenv
RUN python -m compileall -q /app
USER 10001:10001

FROM devenv AS captcha-api
CMD ["python", "-m", "uvicorn", "devenv.captcha_api.app:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log"]

FROM devenv AS edge
CMD ["python", "-m", "devenv.dashboard.edge"]
