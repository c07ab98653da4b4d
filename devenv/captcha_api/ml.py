"""The ML service's client: bot score, boxes (YOLO), text (OCR), and the catalogue of pictures."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from devenv.captcha_api.errors import MLUnavailable, Ungraded

# Seconds each call may take, as the services in the field wait.
BOT_TIMEOUT, IMAGE_TIMEOUT, TEXT_TIMEOUT, CATALOGUE_TIMEOUT = 5.0, 25.0, 20.0, 5.0


@dataclass(frozen=True, slots=True)
class Detection:
    """What YOLO saw in a picture."""

    width: int
    """Of the picture, in pixels."""
    height: int
    """Of the picture, in pixels."""
    boxes: tuple[Mapping[str, Any], ...]


class MLClient:
    """Blocking and shared by all threads."""

    def __init__(self, base_url: str, ocr_field: str) -> None:
        """``ocr_field`` names the multipart field of the OCR picture."""
        self._ocr_field = ocr_field
        # The environment's HTTP proxies are for the outside world, not for a neighbour.
        # Reading the certificate authorities, which plain HTTP has no use for, is a fifth of a pod's start.
        tls = True if base_url.lower().startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.Client(base_url=base_url, trust_env=False, verify=tls)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def catalogue(self) -> Mapping[str, Any]:
        """``GET /catalog``. Raises MLUnavailable."""
        try:
            reply = self._client.get("/catalog", timeout=CATALOGUE_TIMEOUT)
            reply.raise_for_status()
            return _json_object(reply)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise MLUnavailable(f"The catalogue of pictures is unreachable: {_reason(error)}") from error

    def predict_bot(self, behavior_data: Mapping[str, Any]) -> tuple[float, bool] | None:
        """Confidence (0..100) that a person acted, and whether it was a bot; None where ML does not help."""
        try:
            body = {"behavior_data": behavior_data}
            reply = self._client.post("/predict-bot", json=body, timeout=BOT_TIMEOUT)
            reply.raise_for_status()
            result = _json_object(reply)
            return float(result.get("confidence_score", 50)), bool(result.get("is_bot", False))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError):
            return None

    def detect(self, image_url: str | None) -> Detection:
        """The boxes in a picture. Raises Ungraded ("ML predict failed: …")."""
        try:
            body = {"image_url": image_url}
            reply = self._client.post("/predict-image", json=body, timeout=IMAGE_TIMEOUT)
            reply.raise_for_status()
            result = _json_object(reply)
            width, height = int(result.get("width") or 0), int(result.get("height") or 0)
            boxes = tuple(box for box in result.get("boxes") or () if isinstance(box, dict))
            if width <= 0 or height <= 0:
                raise ValueError("the picture has no size")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
            raise Ungraded(f"ML predict failed: {_reason(error)}") from error
        return Detection(width, height, boxes)

    def read_text(self, image: bytes) -> str:
        """What is written in a picture. Raises Ungraded ("OCR API …")."""
        try:
            files = {self._ocr_field: ("handwriting.png", image, "image/png")}
            reply = self._client.post("/predict-text", files=files, timeout=TEXT_TIMEOUT)
            reply.raise_for_status()
            result = _json_object(reply)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Ungraded(f"OCR API request failed: {_reason(error)}") from error
        nested = result.get("result")
        inner = nested.get("text") if isinstance(nested, dict) else None
        text = result.get("text") or result.get("prediction") or inner
        if not isinstance(text, str) or not text:
            raise Ungraded("OCR API response missing text field")
        return text


def _json_object(reply: httpx.Response) -> Mapping[str, Any]:
    result = reply.json()
    if not isinstance(result, dict):
        raise ValueError("the reply is not a JSON object")
    return result


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code} from {error.request.url.path}"
    return str(error) or type(error).__name__
