"""The HTTP service: the routes that a captcha-api calls, the pictures, and what tests and demos need.

What may take long (drawing every picture, reading a word, a large file) is in plain functions, which FastAPI
calls in other threads; a change of threads costs more than all else that the others do.

Run ``python -m mock_ml``, or ``uvicorn mock_ml.app:app`` with ``MOCK_ML_SEED`` in the environment.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from typing import Annotated, Any

from fastapi import FastAPI, Form, HTTPException, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from mock_ml import bot
from mock_ml.faults import Endpoint, FaultRule, Faults
from mock_ml.gallery import Asset, Gallery, UnreadableImage, decode
from mock_ml.icons import BY_NAME, CLASS_IDS
from mock_ml.middleware import BodyLimit, FaultLayer
from mock_ml.reading import Reader
from mock_ml.scenes import cells_of
from mock_ml.seeding import fraction

NAMES = tuple(BY_NAME)
UNREAD_TEXT = "unreadable"
"""What ``/predict-text`` reads in a blank drawing, and in one that is like no known word, by default."""
UNKNOWN_SIZE = (640, 480)
"""Width and height that ``/predict-image`` gives of a picture that is not in the catalogue."""


class Problem(BaseModel):
    """The body of an answer that refuses a request."""

    detail: str


class BehaviourRequest(BaseModel):
    """The body of ``/predict-bot``."""

    behavior_data: dict[str, Any] = {}


class ImageRequest(BaseModel):
    """The body of ``/predict-image``."""

    image_url: str


def create_app(seed: int, unread_text: str = UNREAD_TEXT) -> FastAPI:
    """The service for one seed; ``unread_text`` is what it reads where it recognises no word."""
    gallery, faults, reader = Gallery(seed), Faults(seed), Reader(NAMES)
    app = FastAPI(
        title="mock_ml",
        description="A stand-in for the YOLO, OCR and bot models of a captcha.",
        responses={422: {"model": Problem}},
    )
    app.add_middleware(FaultLayer, faults=faults)
    app.add_middleware(BodyLimit)
    app.add_exception_handler(RequestValidationError, _explain)
    _add_pictures(app, gallery)
    _add_predictions(app, gallery, faults, reader, unread_text)
    _add_faults(app, faults)
    return app


def _add_pictures(app: FastAPI, gallery: Gallery) -> None:
    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "classes": len(NAMES), "seed": gallery.seed}

    @app.get("/catalog")
    async def catalog() -> dict[str, Any]:
        return gallery.catalog()

    @app.get("/assets/{path:path}", responses={404: {"model": Problem}})
    def asset(path: str, request: Request) -> Response:
        picture = gallery.find("/assets/" + path)
        if picture is None or picture.path != "/assets/" + path:
            raise HTTPException(404, f"no such picture: /assets/{path}")
        data = gallery.png(picture)
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        # Under another seed the same URL shows another picture: a browser must ask again (304).
        headers = {
            "ETag": tag,
            "Cache-Control": "no-cache",
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type="image/png", headers=headers)

    @app.get("/oracle")
    async def oracle(url: str, label: str | None = None) -> dict[str, Any]:
        picture = _known(gallery, url)
        if label is not None and label not in BY_NAME:
            raise HTTPException(422, f"unknown label {label!r}; known: {', '.join(NAMES)}")
        if picture.kind == "abstract":
            return {"kind": "abstract", "class": picture.name}
        if picture.kind == "handwriting":
            encoded = base64.b64encode(gallery.png(picture)).decode("ascii")
            return {"kind": "handwriting", "class": picture.name, "image_base64": encoded}
        width, height, detections = gallery.detections(picture.index)
        answer: dict[str, Any] = {
            "kind": "scene",
            "labels": sorted({one.label for one in detections}, key=CLASS_IDS.__getitem__),
            "width": width,
            "height": height,
            "boxes": _boxes(gallery, picture, None),
        }
        if label is not None:
            answer["label"] = label
            answer["correct_cells"] = cells_of([d.box for d in detections if d.label == label], width, height)
        return answer


def _add_predictions(
    app: FastAPI, gallery: Gallery, faults: Faults, reader: Reader, unread_text: str
) -> None:
    @app.post("/predict-bot")
    async def predict_bot(body: BehaviourRequest) -> dict[str, Any]:
        verdict = bot.judge(body.behavior_data)
        right = "bot" if verdict["is_bot"] else "human"
        verdict["is_bot"] = faults.label("predict-bot", right, ("bot", "human")) == "bot"
        return verdict

    @app.post("/predict-image")
    async def predict_image(body: ImageRequest) -> dict[str, Any]:
        asset = gallery.find(body.image_url)
        width, height = UNKNOWN_SIZE if asset is None else gallery.size(asset)
        boxes = [] if asset is None else _boxes(gallery, asset, faults)
        return {"width": width, "height": height, "boxes": boxes}

    @app.post("/predict-text")
    def predict_text(file: UploadFile) -> dict[str, Any]:
        try:
            word = reader.read(decode(file.file.read()))
        except UnreadableImage as error:
            raise HTTPException(422, f"file: {error}") from error
        return {"text": faults.label("predict-text", word, NAMES) if word else unread_text}

    @app.post("/predict-abstract-proba-batch")
    def predict_abstract(target_class: Annotated[str, Form()], files: list[UploadFile]) -> dict[str, Any]:
        probs: list[float] = []
        for number, file in enumerate(files):
            data = file.file.read()
            where = f"files[{number}] ({file.filename or 'no name'})"
            try:
                name = gallery.class_of(data)
            except UnreadableImage as error:
                raise HTTPException(422, f"{where}: {error}") from error
            seen = faults.label("predict-abstract-proba-batch", name, NAMES) if name else None
            doubt = (
                fraction(gallery.seed, "probability", hashlib.sha256(data).hexdigest(), target_class) * 0.15
            )
            probs.append(round(1 - doubt if seen == target_class else doubt, 4))
        return {"probs": probs}


def _add_faults(app: FastAPI, faults: Faults) -> None:
    @app.get("/faults")
    async def get_faults() -> dict[str, Any]:
        return faults.to_json()

    @app.put("/faults")
    async def put_faults(rule: FaultRule) -> dict[str, Any]:
        faults.put(rule)
        return faults.to_json()

    @app.delete("/faults")
    async def delete_faults(endpoint: Endpoint | None = None) -> dict[str, Any]:
        faults.clear(endpoint)
        return faults.to_json()


def _known(gallery: Gallery, url: str) -> Asset:
    picture = gallery.find(url)
    if picture is None:
        raise HTTPException(
            422, f"unknown image {url[:200]!r}: not in this service's catalogue (GET /catalog lists it)"
        )
    return picture


def _boxes(gallery: Gallery, asset: Asset, faults: Faults | None) -> list[dict[str, Any]]:
    """The true boxes as YOLO words them; with ``faults``, some class names may be wrong."""
    boxes: list[dict[str, Any]] = []
    for number, (label, box) in enumerate(gallery.seen_in(asset)):
        name = faults.label("predict-image", label, NAMES) if faults else label
        conf = round(0.8 + 0.19 * fraction(gallery.seed, "confidence", asset.path, number), 4)
        x1, y1, x2, y2 = (float(edge) for edge in box)
        boxes.append(
            {
                "x1": x1,
                "y1": y1,
                "x2": x2,
                "y2": y2,
                "conf": conf,
                "class_id": CLASS_IDS[name],
                "class_name": name,
            }
        )
    return boxes


async def _explain(request: Request, error: Exception) -> JSONResponse:
    """One line per problem instead of pydantic's list of objects."""
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
    return JSONResponse({"detail": "; ".join(problems)}, status_code=422)


def seed_from_environment() -> int:
    """MOCK_ML_SEED, 1 where it is not set. Ends the process (2) with one line where it is no integer."""
    text = os.environ.get("MOCK_ML_SEED", "").strip() or "1"
    try:
        return int(text)
    except ValueError:
        print(f"MOCK_ML_SEED must be an integer, not {text!r:.60}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


app = create_app(seed_from_environment(), os.environ.get("MOCK_ML_UNREAD_TEXT", UNREAD_TEXT))
