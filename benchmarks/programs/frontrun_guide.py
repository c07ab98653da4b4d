"""The guide's verify as functions, for frontrun: REDIS_PORT and a scenario as R+W+E.

Prints one line of JSON: whether all orders were right, how many were run and wrong, whether the search ended
by itself within ``MOST_SECONDS``, seconds. Right is what no order of
whole requests breaks: at most one success, at most two graded answers, and no attempt lost.
"""

import json
import os
import sys
import time

import frontrun
import redis

KEY = "frontrun:abstract:1"
MOST_SECONDS = 60
port, scenario = int(sys.argv[1]), sys.argv[2]
letters = scenario.split("+")
looker = redis.Redis(port=port, decode_responses=True)


class Race:
    """One order: each request has a client and an answer of its own, so that only Redis is shared."""

    def __init__(self):
        self.clients = [redis.Redis(port=port, decode_responses=True) for _ in letters]
        self.answers = [[] for _ in letters]


def opened():
    looker.set(KEY, json.dumps({"attempts": 0, "positive": True}), ex=60)
    return Race()


def verify(number, letter):
    """GET (judge), GET, TTL, SETEX or SET, DEL, as devenv/captcha_api/stores/guide.py sends them."""

    def work(race):
        r = race.clients[number]
        text = r.get(KEY)
        if not text:
            return
        document = json.loads(text)
        passed = letter == ("R" if document.get("positive") else "E")
        value = json.loads(r.get(KEY) or "{}")
        value["attempts"] = count = int(value.get("attempts", 0)) + 1
        remaining = r.ttl(KEY)
        with r.pipeline() as pipe:
            if remaining > 0:
                pipe.setex(KEY, remaining, json.dumps(value))
            else:
                pipe.set(KEY, json.dumps(value))
            pipe.execute()
        if passed or count >= 2:
            r.delete(KEY)
        race.answers[number].append((passed, count))

    return work


def right(race):
    graded = [answer for each in race.answers for answer in each]
    left = looker.get(KEY)
    counted = left is None or json.loads(left)["attempts"] == len(graded)
    return sum(passed for passed, _ in graded) <= 1 and len(graded) <= 2 and counted


began = time.monotonic()
result = frontrun.explore(
    setup=opened,
    workers=[verify(number, letter) for number, letter in enumerate(letters)],
    invariant=right,
    preemption_bound=None,
    stop_on_first=False,
    reproduce_on_failure=0,
    total_timeout=MOST_SECONDS,
)
seconds = round(time.monotonic() - began, 1)
report = {"holds": result.property_holds, "orders": result.num_explored, "wrong": len(result.failures)}
print("\n" + json.dumps({**report, "ended": seconds < MOST_SECONDS, "seconds": seconds}))
sys.stdout.flush()
os._exit(0)  # threads that wait for a lock may be left
