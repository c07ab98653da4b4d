from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.init.detect import as_request, json_object


def test_a_request_is_method_and_path() -> None:
    assert (as_request("put /a/{id}").method, as_request("/a").method) == ("PUT", "POST")
    with pytest.raises(UsageProblem):
        as_request("PUT a")


def test_a_body_is_a_json_object() -> None:
    assert json_object('{"lang": "en"}', "--create-body") == {"lang": "en"}
    for text in ("{", "[1]", "3"):
        with pytest.raises(UsageProblem, match="--create-body"):
            json_object(text, "--create-body")
