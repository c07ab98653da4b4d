"""``devenv init``: finds out how a service is started and spoken to, by looking and by trying.

It starts one pod on a stack of its own, reads its OpenAPI where it has one, opens a session, uses it with a
wrong answer and with an id that nobody gave out: in what these two answers differ is how "not found" looks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from redis import Redis

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.presets import CAPTCHA, PRESETS
from devenv.core.model.service import ANSWER, COOKIE, ID, Kind, Request, Rule, ServiceProfile, ServiceSpec
from devenv.core.model.topology import StackSpec
from devenv.core.model.vocabulary import Answer, pod_name
from devenv.harness.config.service_file import command_words
from devenv.harness.config.service_toml import Found
from devenv.harness.redis.keys import connected, keys_with
from devenv.stack.logs import last_words
from devenv.stack.loopback import local_client
from devenv.stack.own_service import its_redis, own_variables, undecided
from devenv.stack.protocol import Progress
from devenv.verbs.init.start_commands import starts
from devenv.verbs.operate.select import fresh_stack

_OPENS = re.compile(r"captcha|challenge|puzzle|create|new|start|issue|session", re.IGNORECASE)
_USES = re.compile(r"verify|solve|check|answer|submit|validate|redeem", re.IGNORECASE)
_ID_WORD = re.compile(
    r"(?:^|[_-])(?:id|cid|ticket|token|key|uuid|handle)$|Id$|challenge|session", re.IGNORECASE
)
_CLASSES = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ")
_OF_EVERY_ANSWER = (
    "date",
    "etag",
    "x-request-id",
    "x-served-by",
    "set-cookie",
    "traceparent",
    "server-timing",
)
_TIMEOUT_S = 20.0
POD = pod_name(0)
"""The one pod that is started to be looked at."""


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What the person said already; the rest is found.

    ``create_body`` is the JSON that opens a session; ``body`` is a wrong answer's, with ``{id}`` in it.
    """

    folder: Path
    preset: str | None = None
    app: str | None = None
    command: str | None = None
    python: str | None = None
    env_file: str | None = None
    env: Mapping[str, str] | None = None
    allow_env: tuple[str, ...] = ()
    headers: Mapping[str, str] | None = None
    create: str | None = None
    create_body: str | None = None
    verify: str | None = None
    body: str | None = None


def look(options: InitOptions, state_dir: Path, progress: Progress) -> Found:
    """Start the service once and find out what a devenv.toml needs to say.

    Raises UsageProblem where nothing tells how it is started, EnvironmentProblem where it does not start.
    """
    likely = starts(options.folder)
    start = f"app:{options.app}" if options.app else options.command or next(iter(likely), None)
    if start is None:
        raise UsageProblem(
            f"{options.folder}: nothing tells how the service is started",
            hint="--app main:app for an ASGI app, else --command 'python app.py --port {port}'",
        )
    others = () if options.app or options.command else tuple(item.removeprefix("app:") for item in likely[1:])
    app = start.removeprefix("app:") if start.startswith("app:") else None
    preset = options.preset or _preset_of(options.folder, app)
    headers = dict(options.headers or {})
    profile = replace(PRESETS[preset], headers=headers)
    service = ServiceSpec(
        directory=str(options.folder.resolve()),
        profile=profile,
        app=app,
        command=() if app else command_words(start),
        python=options.python,
        env_file=options.env_file,
        env=dict(options.env or {}),
        allow_env=options.allow_env,
    )
    files = own_variables(service)
    ours = {name: item for name, item in its_redis(service, files).items() if name not in service.env}
    service = replace(service, env={**ours, **service.env})
    neutral = tuple(undecided(service, files))
    env = dict(service.env)
    service = replace(service, env={**env, **dict.fromkeys(neutral, "")})
    found = Found(
        preset=preset, app=app, command=None if app else start,
        python=options.python, env_file=options.env_file,
        env=env, neutral=neutral, allow_env=options.allow_env, headers=headers,
        notes=(f"also here: {', '.join(others)} (--app, --command)",) if others else (),
    )  # fmt: skip
    if preset != CAPTCHA.name:
        return replace(found, switchable=False)
    return _try(
        options, found, StackSpec(pods=1, use_redis=True, service=service, gate=False), state_dir, progress
    )


def _try(options: InitOptions, found: Found, spec: StackSpec, state_dir: Path, progress: Progress) -> Found:
    """On a stack of its own: once as USE_REDIS=true, and whether USE_REDIS=false makes a difference."""
    with fresh_stack("embedded", state_dir, spec, progress) as stack:
        endpoints = stack.endpoints()
        with (
            local_client(endpoints.traffic, _TIMEOUT_S) as http,
            connected(endpoints, 0) as redis,
        ):
            trying = _Trying(options, found, http, redis)
            try:
                found, opening, profile = trying.everything()
                if found.key is None:
                    return found
                stack.restart_pods({POD: {"USE_REDIS": "false"}}, progress)
                if trying.key(opening, profile) is None:
                    return found
            except _Refused as refused:
                lines = (line.partition("| ")[2] for line in stack.logs(POD, tail=40, follow=False))
                said = last_words("\n".join(lines), 3)
                hint = f"its log ends: {said}" if refused.its_fault and said else refused.hint
                raise EnvironmentProblem(refused.message, hint=hint) from None
    note = "sessions are in Redis whatever USE_REDIS says: if another variable switches it, put it in"
    return replace(found, switchable=False, notes=(*found.notes, f"{note} [service.redis] on and off"))


def _preset_of(folder: Path, app: str | None) -> str:
    """mcp-session for a server of the official SDK, else captcha."""
    if app is not None:
        path = folder.joinpath(*app.partition(":")[0].split("."))
        try:
            text = path.with_suffix(".py").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return CAPTCHA.name
        if "streamable_http_app" in text:
            return "mcp-session"
    return CAPTCHA.name


class _Answer(NamedTuple):
    """``headers`` by lower-case name, ``cookies`` that were set."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]


class _Refused(EnvironmentProblem):
    """A request that opens a session was not answered as one. ``its_fault``: the service broke over it."""

    def __init__(self, request: Request, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(
            f"{request.method} {request.path} answered {status}: {json.dumps(body)[:200]}",
            hint="--create-body JSON gives it a body, --header NAME=VALUE a header that it needs",
        )
        self.its_fault = status >= 500


class _Trying:
    """Talks to the started pod."""

    def __init__(self, options: InitOptions, found: Found, http: httpx.Client, redis: Redis) -> None:
        self._options, self._found, self._http, self._redis = options, found, http, redis
        self._api: Mapping[str, Any] = self._openapi()
        self._headers = {**self._required_headers(), **found.headers}

    def everything(self) -> tuple[Found, Kind, ServiceProfile]:
        """All that can be found out, a kind of its sessions, and how that is read."""
        found = replace(self._found, headers=self._headers)
        contract = {
            name: kind
            for name, kind in CAPTCHA.kinds.items()
            if kind.create.path in self._paths() and kind.verify.path in self._paths()
        }
        if contract and self._options.create is None:
            partly = contract if len(contract) < len(CAPTCHA.kinds) else {}
            return self._with_key(replace(found, kinds=partly), next(iter(contract.values())), CAPTCHA)
        create, verify = self._pair()
        if create is None or verify is None:
            raise UsageProblem(
                "which request opens a session, and which uses it? Nothing tells"
                + ("" if self._api else ": the service has no /openapi.json"),
                hint="""--create "POST /challenges" --verify "PUT /challenges/{id}" --body '{"answer": 0}'""",
            )
        return self._tried(found, create, verify)

    def _tried(self, found: Found, create: Request, verify: Request) -> tuple[Found, Kind, ServiceProfile]:
        create = replace(create, body=self._opening_body(create))
        first, second = self._send(create.fill(None)), self._send(create.fill(None))
        for answer in (first, second):
            if not 200 <= answer.status < 300:
                raise _Refused(create, answer.status, answer.body)
        place = _place_of_id(first.body, second.body)
        header = _place_of_id(_telling(first.headers), _telling(second.headers)) if place is None else None
        cookie = _place_of_id(first.cookies, second.cookies) if header is None else None
        if cookie is not None and place is not None:  # a time or the like in the body is none
            place, cookie = (place, None) if _called_an_id(place) else (None, cookie)
        if place is None and header is None and cookie is None:
            raise EnvironmentProblem(
                f"{create.method} {create.path} gave nothing like an id: {json.dumps(first.body)[:200]}",
                hint="devenv.toml can say where it stands: id in [profile]",
            )
        profile = replace(CAPTCHA, id_field=place or "", id_header=header or "", id_cookie=cookie or "")
        challenge_id = profile.session_of(first.headers, first.body) or ""
        if header is not None:
            verify = verify.with_header(header, ID)
        if cookie is not None:
            verify = verify.with_header(COOKIE, f"{cookie}={ID}")
        request, answers = self._body(verify, (place or "").rpartition(".")[2])
        kind = Kind(create, request, answers=answers)
        wrong = answers.get(str(Answer.WRONG))
        known = self._send(request.fill(challenge_id, wrong))
        unknown = self._send(request.fill(_nobodys(challenge_id), wrong))
        not_found, told, success, notes = _rules(known[:2], unknown[:2])
        found = replace(
            found, id_field=profile.id_field, id_header=profile.id_header, id_cookie=profile.id_cookie,
            kinds={_name(create.path): kind}, not_found=not_found, wrong=told, success=success,
            notes=(*found.notes, *notes),
        )  # fmt: skip
        return self._with_key(found, kind, profile)

    def _with_key(
        self, found: Found, kind: Kind, profile: ServiceProfile
    ) -> tuple[Found, Kind, ServiceProfile]:
        shown = self.key(kind, profile)
        return replace(found, switchable=shown is not None, key=shown), kind, profile

    def key(self, kind: Kind, profile: ServiceProfile) -> str | None:
        """The key, with ``{id}`` in it, under which a new session lies in Redis; None where there is none."""
        opened = self._send(kind.create.fill(None))
        challenge_id = profile.session_of(opened.headers, opened.body)
        keys = keys_with(self._redis, challenge_id) if challenge_id else []
        return keys[0].replace(challenge_id, ID) if challenge_id and keys else None

    # -- what its OpenAPI says ---------------------------------------------------------------------------

    def _openapi(self) -> Mapping[str, Any]:
        try:
            data = self._http.get("/openapi.json").json()
        except (httpx.HTTPError, ValueError):
            return {}
        return data if isinstance(data, dict) and isinstance(data.get("paths"), dict) else {}

    def _paths(self) -> Mapping[str, Any]:
        return self._api.get("paths", {})  # type: ignore[no-any-return]

    def _operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for path, item in self._paths().items():
            for method in ("post", "put", "patch"):
                if isinstance(item, dict) and isinstance(item.get(method), dict):
                    yield path, method.upper(), item[method]

    def _required_headers(self) -> dict[str, str]:
        """The headers that any of its operations needs, with a value of ours."""
        needed = (
            parameter["name"]
            for _, _, operation in self._operations()
            for parameter in operation.get("parameters", ())
            if isinstance(parameter, dict) and parameter.get("in") == "header" and parameter.get("required")
        )
        return dict.fromkeys(needed, "devenv")

    def _pair(self) -> tuple[Request | None, Request | None]:
        create = _request(self._options.create) if self._options.create else None
        verify = _request(self._options.verify) if self._options.verify else None
        for path, method, operation in self._operations():
            says = f"{path} {operation.get('operationId', '')}"
            if verify is None and (_USES.search(path) or "{" in path):
                verify = Request(re.sub(r"\{[^}]+\}", ID, path, count=1), method)
            elif create is None and _OPENS.search(says) and "{" not in path and not _USES.search(path):
                create = Request(path, method)
        return create, verify

    def _opening_body(self, create: Request) -> Mapping[str, Any] | None:
        """What was said, else the fields that its OpenAPI requires, with values of ours."""
        if self._options.create_body is not None:
            return _json(self._options.create_body, "--create-body")
        return {
            name: _plausible(self._resolved(item))
            for name, item in self._fields(create, required=True).items()
        } or None

    def _body(self, verify: Request, id_name: str) -> tuple[Request, dict[str, Any]]:
        """The verify with its body's template, and what to answer wrongly."""
        if self._options.body is not None:
            return replace(verify, body=_json(self._options.body, "--body")), {}
        fields = self._fields(verify)
        template: dict[str, Any] = {}
        answers: dict[str, Any] = {}
        named = [name for name in fields if name == id_name]
        named += [name for name in fields if _ID_WORD.search(name)]
        place = named[0] if named and not verify.carries_id else None
        for name, schema in fields.items():
            if name == place:
                template[name] = ID
            elif not answers:
                template[name] = ANSWER
                answers = {str(Answer.WRONG): _some_value(schema)}
            else:
                template[name] = _plausible(schema)
        return replace(verify, body=template), answers

    def _fields(self, wanted: Request, *, required: bool = False) -> Mapping[str, Any]:
        """The required fields of its JSON body, by name; where none is, all of them unless ``required``."""
        for path, method, operation in self._operations():
            if re.sub(r"\{[^}]+\}", ID, path, count=1) == wanted.path and method == wanted.method:
                content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                schema = self._resolved(content.get("schema", {}))
                fields: Mapping[str, Any] = schema.get("properties", {})
                needed = [name for name in fields if name in schema.get("required", ())]
                kept = needed if needed or required else fields
                return {name: self._resolved(fields[name]) for name in kept}
        return {}

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = schema.get("$ref", "")
        if not reference.startswith("#/"):
            return schema
        found: Any = self._api
        for word in reference[2:].split("/"):
            found = found.get(word, {})
        return found if isinstance(found, dict) else {}

    def _send(self, request: Any) -> _Answer:
        headers = {**self._headers, **request.headers}
        try:
            answer = self._http.request(request.method, request.path, json=request.body, headers=headers)
        except httpx.HTTPError as error:
            raise EnvironmentProblem(
                f"{request.method} {request.path} was not answered ({type(error).__name__})"
            ) from error
        try:
            body = answer.json()
        except ValueError:
            body = None
        told = {name.lower(): value for name, value in answer.headers.items()}
        cookies = {item.name: item.value or "" for item in answer.cookies.jar}
        self._http.cookies.clear()  # each request is somebody else's
        return _Answer(answer.status_code, body if isinstance(body, dict) else {}, told, cookies)


def _request(text: str) -> Request:
    """``METHOD /path``, or a path that is posted to."""
    method, _, path = text.strip().rpartition(" ")
    if not path.startswith("/") or not (method or "POST").isalpha():
        raise UsageProblem(f"{text!r} is not 'METHOD /path'", hint='"POST /challenges"')
    return Request(path, (method or "POST").upper())


def _scalars(body: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value with its dotted path, in order."""
    if isinstance(body, Mapping):
        for name, value in body.items():
            yield from _scalars(value, f"{where}.{name}" if where else str(name))
    elif not isinstance(body, list):
        yield where, body


def _telling(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that could have a session's id: not what every answer has of its own."""
    return {name: item for name, item in headers.items() if name not in _OF_EVERY_ANSWER and "." not in name}


def _at(body: Any, path: str) -> Any:
    return dict(_scalars(body)).get(path)


def _called_an_id(path: str) -> bool:
    return _ID_WORD.search(path.rpartition(".")[2]) is not None


def _place_of_id(first: Mapping[str, Any], second: Mapping[str, Any]) -> str | None:
    """Where two new sessions differ in a text or number that is called like an id, else any longer one."""
    others = dict(_scalars(second))
    differ = [
        path
        for path, value in _scalars(first)
        if isinstance(value, str | int) and not isinstance(value, bool) and others.get(path) != value
    ]
    called = [path for path in differ if _called_an_id(path)]
    long = [path for path in differ if len(str(_at(first, path))) >= 8]
    return next(iter([*called, *long]), None)


def _rules(
    known: tuple[int, Mapping[str, Any]], unknown: tuple[int, Mapping[str, Any]]
) -> tuple[tuple[Rule, ...], tuple[Rule, ...], tuple[Rule, ...], tuple[str, ...]]:
    """How "not found", wrong and success look, from a wrong answer and from one about nobody's session."""
    values = [(path, item) for path, item in _scalars(known[1]) if isinstance(item, str | bool)]
    other = dict(_scalars(unknown[1]))
    notes: tuple[str, ...] = ()
    if known[0] != unknown[0]:
        not_found: tuple[Rule, ...] = (Rule(status=(unknown[0],)),)
    else:
        mine = dict(_scalars(known[1]))
        plain = [(path, item) for path, item in other.items() if isinstance(item, str | bool)]
        telling = [(path, item) for path, item in plain if mine.get(path) != item]
        if not telling:
            raise EnvironmentProblem(
                f"a session that nobody opened is answered as one that is known ({known[0]})",
                hint="devenv.toml can say how 'not found' looks: [[profile.not-found]]",
            )
        not_found = (Rule(status=(unknown[0],), equals=dict(telling[:1])),)
    if not values:
        return not_found, (Rule(status=(known[0],)),), (), ("how success looks could not be told",)
    place, value = values[0]
    wrong = (Rule(status=(known[0],), equals={place: value}),)
    if value is False:
        success: tuple[Rule, ...] = (Rule(equals={place: True}),)
    else:
        success = (Rule(differs={place: value}),)
        notes = (f"success is taken to be any other {place} than {value!r}",)
    return not_found, wrong, success, notes


def _some_value(schema: Mapping[str, Any]) -> Any:
    """A value of a schema's type that is hardly right."""
    kinds = {"array": [], "integer": -1, "number": -1, "boolean": False, "object": {}}
    return kinds.get(str(schema.get("type")), "devenv")


def _plausible(schema: Mapping[str, Any]) -> Any:
    """A value that the schema itself offers, else any of its type."""
    offered = (*schema.get("enum", ()), *schema.get("examples", ()))
    named = [schema[word] for word in ("const", "default", "example") if word in schema]
    return next(iter((*named, *offered)), _some_value(schema))


def _json(text: str, flag: str) -> Mapping[str, Any]:
    """The JSON object of a flag. Raises UsageProblem where it is none."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise UsageProblem(f"{flag} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise UsageProblem(f"{flag} {text!r:.60} is no JSON object", hint="""like '{"answer": 0}'""")
    return body


def _name(path: str) -> str:
    """A name for a kind of session: the last word of the path that opens it."""
    words = [re.sub(r"[^A-Za-z0-9_-]", "", word) for word in path.split("/")]
    return next((word for word in reversed(words) if word), "session").rstrip("s") or "session"


def _nobodys(challenge_id: str) -> str:
    """An id of the same form that nobody was given: its letters and digits moved on by some places."""
    table: dict[str, str] = {}
    for letters in _CLASSES:
        table |= {item: letters[(at + 3) % len(letters)] for at, item in enumerate(letters)}
    return "".join(table.get(item, item) for item in challenge_id)
