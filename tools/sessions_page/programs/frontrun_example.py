"""One example of docs/examples/sessions, its FOLDER, under frontrun; REDIS_URL and STORE as it takes them.

What had to be written for it: the handlers are called as functions, with a request that is no request; two
threads; and an invariant, which says what is right.
"""

import importlib.util
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import frontrun
from fastapi import HTTPException, Response

folder = Path(sys.argv[1])
spec = importlib.util.spec_from_file_location("main", folder / "main.py")
main = importlib.util.module_from_spec(spec)
sys.modules["main"] = main
spec.loader.exec_module(main)
OPEN = main.new if folder.name == "cart" else main.login


def opened():
    response = Response()
    OPEN(response)
    name, _, value = response.headers["set-cookie"].partition(";")[0].partition("=")
    return {name: value}


def request(cookies, **query):
    return SimpleNamespace(cookies=cookies, query_params=query)


def both_there(cookies):
    return {"theme", "language"} <= main.preferences(request(cookies)).keys()


def two_added(cookies):
    return main.cart(request(cookies)) == {"shoes": 2}


def logged_out(cookies):
    try:
        main.me(request(cookies))
    except HTTPException:
        return True
    return False


def change(cookies):
    with suppress(HTTPException):  # after the logout it is refused
        main.change(request(cookies, a="1"))


WORKERS, INVARIANT = {
    "lost-update": (
        [
            lambda cookies: main.change(request(cookies), {"theme": "dark"}),
            lambda cookies: main.change(request(cookies), {"language": "ko"}),
        ],
        both_there,
    ),
    "cart": ([lambda cookies: main.add(request(cookies), "shoes")] * 2, two_added),
    "unlock-before-delete": ([change, lambda cookies: main.logout(request(cookies))], logged_out),
}[folder.name]

began = time.monotonic()
result = frontrun.explore(
    setup=opened, workers=WORKERS, invariant=INVARIANT, total_timeout=120, preemption_bound=None
)
seconds = round(time.monotonic() - began, 1)
print("\n" + json.dumps({"holds": result.property_holds, "runs": result.num_explored, "seconds": seconds}))
sys.stdout.flush()
os._exit(0)  # threads that wait for a lock may be left
