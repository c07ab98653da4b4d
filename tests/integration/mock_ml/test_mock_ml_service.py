"""The service as a process: contract, errors, faults, the same pictures under any hash seed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image

from mock_ml.__main__ import main
from tests.support import HANG_GUARD_S, ending_with_us, until

_URL = re.compile(r"running on (http://127\.0\.0\.1:\d+)")


@contextlib.contextmanager
def _service(*arguments: str, **environment: str) -> Iterator[httpx.Client]:
    """mock_ml on a free port of its own choosing, ended by its own process id."""
    process = subprocess.Popen(
        ending_with_us([sys.executable, "-m", "mock_ml", "--port", "0", *arguments]),
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    lines: list[str] = []
    url = None
    for line in process.stderr:
        lines.append(line)
        if match := _URL.search(line):
            url = match[1]
            break
    assert url is not None, "".join(lines)
    drain = ThreadPoolExecutor(1)
    drain.submit(process.stderr.read)
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        try:
            process.wait(HANG_GUARD_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            drain.shutdown()


@pytest.fixture(scope="module")
def service() -> Iterator[httpx.Client]:
    with _service("--seed", "1") as client:
        yield client


@pytest.fixture
def ml(service: httpx.Client) -> Iterator[httpx.Client]:
    yield service
    service.delete("/faults")


def _png(ml: httpx.Client, path: str) -> bytes:
    response = ml.get(path)
    assert response.status_code == 200
    return response.content


def _reading(ml: httpx.Client, data: bytes) -> httpx.Response:
    return ml.post("/predict-text", files={"file": ("drawing.png", data, "image/png")})


def _batch(ml: httpx.Client, target: str, *pictures: bytes) -> httpx.Response:
    files = [("files", (f"{i}.png", data, "image/png")) for i, data in enumerate(pictures)]
    return ml.post("/predict-abstract-proba-batch", data={"target_class": target}, files=files)


def test_health(ml: httpx.Client) -> None:
    assert ml.get("/health").json() == {"status": "ok", "classes": 16, "seed": 1}


def test_pictures_are_the_same_in_two_processes_under_two_hash_seeds() -> None:
    digests = []
    for hash_seed in ("0", "4242"):
        with _service(MOCK_ML_SEED="5", PYTHONHASHSEED=hash_seed) as client:
            catalog = client.get("/catalog")
            paths = [entry["images"][1] for entry in catalog.json()["classes"]]
            paths += [entry["handwriting"][2] for entry in catalog.json()["classes"]]
            paths += [scene["url"] for scene in catalog.json()["scenes"][:6]]
            whole = hashlib.sha256(catalog.content)
            for path in paths:
                whole.update(client.get(path).content)
            digests.append(whole.hexdigest())
    assert digests[0] == digests[1]


def test_assets_can_be_used_from_pages_of_other_origins(ml: httpx.Client) -> None:
    response = ml.get("/assets/abstract/apple/00.png", headers={"Origin": "http://localhost:3000"})
    assert response.headers["content-type"] == "image/png"
    assert response.headers["access-control-allow-origin"] == "*"
    again = ml.get("/assets/abstract/apple/00.png", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    assert "access-control-allow-origin" not in ml.get("/faults", headers={"Origin": "http://x"}).headers


@pytest.mark.parametrize(
    "path",
    ["/assets/abstract/apple/99.png", "/assets/", "/assets/%2e%2e/%2e%2e/etc/passwd", "/assets//etc/passwd"],
)
def test_an_asset_that_is_none_is_404(ml: httpx.Client, path: str) -> None:
    response = ml.get(path)
    assert response.status_code == 404
    assert "no such picture" in response.json()["detail"]


def test_a_raw_traversal_gets_nothing(ml: httpx.Client) -> None:
    with socket.create_connection((ml.base_url.host, ml.base_url.port), timeout=HANG_GUARD_S) as raw:
        raw.sendall(b"GET /assets/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"root:" not in answer


def test_yolo_and_the_oracle_agree_for_every_label_of_every_scene(ml: httpx.Client) -> None:
    for scene in ml.get("/catalog").json()["scenes"]:
        seen = ml.post("/predict-image", json={"image_url": "http://elsewhere:9" + scene["url"]}).json()
        image = Image.open(io.BytesIO(_png(ml, scene["url"])))
        assert (seen["width"], seen["height"]) == image.size
        assert {box["class_name"] for box in seen["boxes"]} == set(scene["labels"])
        for label in scene["labels"]:
            answer = ml.get("/oracle", params={"url": scene["url"], "label": label}).json()
            assert answer["kind"] == "scene"
            assert answer["boxes"] == seen["boxes"]
            cells = _cells(seen, label)
            assert answer["correct_cells"] == cells
            assert 0 < len(cells) < 9


def _cells(seen: dict[str, Any], label: str) -> list[int]:
    """The rule of the contract in its own words, to judge the oracle by."""
    wide, high = seen["width"] // 3, seen["height"] // 3
    values = set()
    for box in seen["boxes"]:
        assert set(box) == {"x1", "y1", "x2", "y2", "conf", "class_id", "class_name"}
        assert 0 <= box["x1"] < box["x2"] <= seen["width"] and 0 <= box["y1"] < box["y2"] <= seen["height"]
        if box["class_name"] != label:
            continue
        for x in range(int(box["x1"]), int(box["x2"])):
            for y in range(int(box["y1"]), int(box["y2"])):
                values.add(min(y // high, 2) * 3 + min(x // wide, 2) + 1)
    return sorted(values)


def test_every_abstract_picture_is_recognised_and_only_as_itself(ml: httpx.Client) -> None:
    classes = ml.get("/catalog").json()["classes"]
    for number, entry in enumerate(classes):
        other = classes[(number + 1) % len(classes)]
        pictures = [_png(ml, path) for path in (*entry["images"][:5], *other["images"][:4])]
        probs = _batch(ml, entry["name"], *pictures).json()["probs"]
        assert [prob > 0.5 for prob in probs] == [True] * 5 + [False] * 4
        for path in entry["images"]:
            oracle = ml.get("/oracle", params={"url": "https://cdn/x" + path}).json()
            assert oracle == {"kind": "abstract", "class": entry["name"]}


def test_the_oracle_gives_a_drawing_that_ocr_reads_as_its_word(ml: httpx.Client) -> None:
    for entry in ml.get("/catalog").json()["classes"]:
        for path in entry["handwriting"][:2]:
            oracle = ml.get("/oracle", params={"url": path}).json()
            assert (oracle["kind"], oracle["class"]) == ("handwriting", entry["name"])
            reading = _reading(ml, base64.b64decode(oracle["image_base64"]))
            assert reading.json() == {"text": entry["name"]}


def test_unknown_things_are_422_and_named(ml: httpx.Client) -> None:
    apple = _png(ml, "/assets/abstract/apple/00.png")
    cases = [
        (ml.post("/predict-image", json={}), "body.image_url"),
        (ml.post("/predict-image", content=b"{"), "body"),
        (ml.get("/oracle", params={"url": "/assets/scenes/777.png"}), "777"),
        (ml.get("/oracle", params={"url": "/assets/scenes/000.png", "label": "dragon"}), "dragon"),
        (ml.get("/oracle"), "query.url"),
        (_batch(ml, "apple", apple, b"junk"), "files[1] (1.png)"),
        (ml.post("/predict-abstract-proba-batch", data={"target_class": "apple"}), "body.files"),
        (_reading(ml, b"junk"), "not a readable"),
        (_reading(ml, b""), "empty"),
        (ml.post("/predict-text", files={"image": b"x"}), "body.file"),
        (ml.post("/predict-bot", json={"behavior_data": 3}), "body.behavior_data"),
        (ml.put("/faults", json={"endpoint": "health"}), "body.endpoint"),
    ]
    for response, named in cases:
        assert response.status_code == 422, response.text
        assert isinstance(response.json()["detail"], str)
        assert named in response.json()["detail"]


def test_a_broken_multipart_body_is_a_client_error(ml: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = ml.post("/predict-text", content=b"--x\r\nnonsense", headers=headers)
    assert 400 <= response.status_code < 500
    assert response.json()["detail"]


def test_a_body_above_the_limit_is_413_and_the_service_goes_on(ml: httpx.Client) -> None:
    big = b"\0" * (10 * 1024 * 1024 + 1)
    assert _reading(ml, big).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(11):
            yield b"\0" * 1024 * 1024

    assert ml.post("/predict-text", content=chunks()).status_code == 413
    assert ml.get("/health").status_code == 200


def test_a_picture_that_is_not_in_the_catalogue_has_no_boxes(ml: httpx.Client) -> None:
    response = ml.post("/predict-image", json={"image_url": "http://h/else.png"})
    assert (response.status_code, response.json()["boxes"]) == (200, [])
    assert min(response.json()["width"], response.json()["height"]) > 0


def test_a_picture_or_a_class_that_is_not_known_is_improbable(ml: httpx.Client) -> None:
    apple = _png(ml, "/assets/abstract/apple/00.png")
    sample = _png(ml, "/assets/handwriting/apple/00.png")
    right, unknown = _batch(ml, "apple", apple, sample).json()["probs"]
    [dragon] = _batch(ml, "dragon", apple).json()["probs"]
    assert right > 0.8
    assert max(unknown, dragon) < 0.2


def test_a_blank_drawing_reads_as_the_text_that_was_set(ml: httpx.Client) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (300, 150), (0, 0, 0, 0)).save(buffer, "PNG")
    response = _reading(ml, buffer.getvalue())
    assert (response.status_code, response.json()) == (200, {"text": "unreadable"})
    with _service("--unread-text", "") as silent:
        assert _reading(silent, buffer.getvalue()).json() == {"text": ""}
    with _service(MOCK_ML_UNREAD_TEXT="no word") as other:
        assert _reading(other, buffer.getvalue()).json() == {"text": "no word"}


def test_the_bot_verdict_has_the_contracts_fields(ml: httpx.Client) -> None:
    verdict = ml.post("/predict-bot", json={"behavior_data": {"moves": []}}).json()
    assert set(verdict) == {"confidence_score", "is_bot", "mse", "threshold", "features"}
    assert verdict["is_bot"] is True


def test_errors_come_in_the_same_order_every_time(ml: httpx.Client) -> None:
    def run() -> list[int]:
        ml.put("/faults", json={"endpoint": "predict-bot", "error_rate": 0.5, "error_status": 503})
        return [ml.post("/predict-bot", json={"behavior_data": {}}).status_code for _ in range(30)]

    first = run()
    assert set(first) == {200, 503}
    assert run() == first
    assert ml.get("/faults").json()["rules"][0]["errors"] == first.count(503)


def test_wrong_labels_at_every_prediction_but_never_from_the_oracle(ml: httpx.Client) -> None:
    scene = ml.get("/catalog").json()["scenes"][0]
    oracle = ml.get("/oracle", params={"url": scene["url"], "label": scene["labels"][0]}).json()
    apple = _png(ml, "/assets/abstract/apple/00.png")
    sample = _png(ml, "/assets/handwriting/apple/00.png")
    ml.put("/faults", json={"endpoint": "*", "wrong_label_rate": 1})
    seen = ml.post("/predict-image", json={"image_url": scene["url"]}).json()["boxes"]
    for wrong, right in zip(seen, oracle["boxes"], strict=True):
        assert wrong["class_name"] != right["class_name"]
        assert wrong["x1"] == right["x1"]
    assert _reading(ml, sample).json()["text"] != "apple"
    assert _batch(ml, "apple", apple).json()["probs"][0] < 0.5
    assert ml.post("/predict-bot", json={"behavior_data": {}}).json()["is_bot"] is False
    assert ml.get("/oracle", params={"url": scene["url"], "label": scene["labels"][0]}).json() == oracle


def test_faults_leave_the_other_routes_alone(ml: httpx.Client) -> None:
    ml.put("/faults", json={"endpoint": "*", "error_rate": 1})
    ml.put("/faults", json={"endpoint": "assets", "error_rate": 1, "error_status": 404})
    assert ml.post("/predict-bot", json={}).status_code == 500
    assert "fault" in ml.get("/assets/abstract/apple/00.png").json()["detail"]
    for path in ("/health", "/catalog", "/faults", "/oracle?url=/assets/abstract/apple/00.png"):
        assert ml.get(path).status_code == 200
    assert ml.delete("/faults").json()["rules"] == []
    assert ml.post("/predict-bot", json={}).status_code == 200


def test_latency_is_added(ml: httpx.Client) -> None:
    ml.put("/faults", json={"endpoint": "predict-bot", "latency_ms": 250})
    started = time.monotonic()
    assert ml.post("/predict-bot", json={}).status_code == 200
    assert time.monotonic() - started >= 0.25


def test_a_timeout_lets_the_caller_wait_and_ends_with_504(ml: httpx.Client) -> None:
    ml.put("/faults", json={"endpoint": "predict-bot", "timeout": True, "timeout_s": 0.4})
    response = ml.post("/predict-bot", json={})
    assert response.status_code == 504
    assert "did not answer" in response.json()["detail"]


def test_a_caller_that_gives_up_leaves_nothing_behind(ml: httpx.Client) -> None:
    ml.put("/faults", json={"endpoint": "predict-bot", "timeout": True, "timeout_s": 300})
    with pytest.raises(httpx.ReadTimeout):
        ml.post("/predict-bot", json={}, timeout=0.3)
    until(lambda: ml.get("/faults").json()["held"] == 0, "nothing is held")


def test_a_held_request_does_not_keep_the_service_from_ending() -> None:
    with ThreadPoolExecutor(1) as pool:
        with _service() as client:
            client.put("/faults", json={"endpoint": "predict-bot", "timeout": True, "timeout_s": 300})
            waiting = pool.submit(httpx.post, client.base_url.join("/predict-bot"), json={}, timeout=120)
            until(lambda: client.get("/faults").json()["held"] > 0, "the request is held")
        # The service was told to end and has ended; what it held is over too, as a failure.
        error = waiting.exception(HANG_GUARD_S)
        assert isinstance(error, httpx.HTTPError) or waiting.result().is_server_error


def test_a_bad_seed_ends_with_one_line() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "uvicorn", "mock_ml.app:app", "--port", "0"],
        env={**os.environ, "MOCK_ML_SEED": "seven"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=HANG_GUARD_S,
    )
    assert result.returncode == 2
    assert result.stderr.strip() == "MOCK_ML_SEED must be an integer, not 'seven'"


@pytest.mark.parametrize("words", [["--port", "99999"], ["--port", "-1"], ["--seed", "seven"], ["--colour"]])
def test_wrong_arguments_are_exit_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_a_port_that_is_taken_is_exit_4() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 4


def test_a_fault_is_exit_70(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: 1 // 0)
    assert main([]) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err
