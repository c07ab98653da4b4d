"""``devenv init``: finds out how a service is started and spoken to, by looking and by trying.

It starts one pod on a stack of its own, reads its OpenAPI where it has one, opens sessions, uses them with
wrong answers and with an id that was never given out: in what the answers differ is how "not found" looks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.presets import CAPTCHA, PRESETS
from devenv.core.model.service import Kind, Request, ServiceProfile, ServiceSpec
from devenv.core.model.session_profile import SessionProfile
from devenv.core.model.topology import RedisMode, StackSpec
from devenv.core.model.vocabulary import pod_name
from devenv.harness.config.devenv_toml_reader import command_words, from_here
from devenv.harness.config.devenv_toml_writer import Found, toml_text
from devenv.harness.redis.keys import connected
from devenv.harness.runs.journal import JournaledStack
from devenv.stack.logs import last_words
from devenv.stack.loopback import local_client
from devenv.stack.own_service import its_redis, own_variables, undecided
from devenv.stack.pod_files.shared_files import files_of_sessions
from devenv.stack.protocol import Progress
from devenv.verbs.init.login_session import HOLE, find_any_session, find_login_session
from devenv.verbs.init.mcp_server import may_be_mcp, try_mcp
from devenv.verbs.init.openapi import PLACES, OpenApi
from devenv.verbs.init.redis_use import (
    RedisUse,
    login_commands,
    session_in_redis,
    use_by_commands,
    wants_cluster,
)
from devenv.verbs.init.sources import unused_redis
from devenv.verbs.init.start_commands import starts
from devenv.verbs.init.trial import Pod, Refused, Tried, find_limit, misfit, named, try_pair
from devenv.verbs.operate.select import fresh_stack
from devenv.wire.control.client import ControlClient

_TIMEOUT_S = 20.0
_NO_PATH = Request("/devenv/no/such/path", body={})
"""A path that no service has: some answer every path alike."""
POD = pod_name(0)
"""The one pod that is started to be looked at."""


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What the person said already; the rest is found."""

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
    """The JSON that opens a session."""
    verify: str | None = None
    body: str | None = None
    """The JSON of a wrong answer, with ``{id}`` in it."""
    redis: RedisMode | None = None
    """How Redis is to stand; None: alone, and as a cluster where the service has a cluster client."""


def look(options: InitOptions, state_dir: Path, progress: Progress) -> Found:
    """Start the service once and find out what a devenv.toml needs to say.

    Raises UsageProblem where nothing tells how it is started, EnvironmentProblem where it does not start.
    """
    detected, service = _as_started(options)
    modes = (options.redis,) if options.redis else (RedisMode.STANDALONE, RedisMode.CLUSTER)
    for mode in modes:
        spec = StackSpec(pods=1, use_redis=True, service=service, redis_mode=mode)
        if mode is not RedisMode.STANDALONE:
            needs = "" if options.redis else "its client is a cluster client: Redis was started as a cluster"
            detected = replace(
                detected, redis_mode=str(mode), notes=(*detected.notes, *([needs] if needs else []))
            )
        try:
            return _try(options, detected, spec, state_dir, progress)
        except _NeedsCluster:
            if mode is modes[-1]:
                raise
            progress("the service has a cluster client: trying again with Redis as a cluster")
    raise AssertionError("the last mode returns or raises")


class _NeedsCluster(EnvironmentProblem):
    """The service's client asked this standalone Redis for a cluster."""


def _as_started(options: InitOptions) -> tuple[Found, ServiceSpec]:
    """What starts it and in which environment; what was found so far."""
    likely = starts(options.folder)
    start = f"app:{options.app}" if options.app else options.command or next(iter(likely), None)
    if start is None:
        raise UsageProblem(
            f"{options.folder}: nothing tells how the service is started",
            hint="--app main:app for an ASGI app, else --command 'python app.py --port {port}'",
        )
    others = () if options.app or options.command else tuple(item.removeprefix("app:") for item in likely[1:])
    app = start.removeprefix("app:") if start.startswith("app:") else None
    preset = options.preset or CAPTCHA.name
    headers = dict(options.headers or {})
    service = ServiceSpec(
        directory=str(options.folder.resolve()),
        profile=replace(PRESETS[preset], headers=headers),
        app=app,
        command=() if app else command_words(start),
        python=from_here(options.python, command=True),
        env_file=from_here(options.env_file),
        env=dict(options.env or {}),
        allow_env=options.allow_env,
    )
    files = own_variables(service)
    ours = {name: item for name, item in its_redis(service, files).items() if name not in service.env}
    service = replace(service, env={**ours, **service.env})
    neutral = tuple(undecided(service, files))
    env = dict(service.env)
    detected = Found(
        preset=preset, app=app, command=None if app else start,
        python=options.python, env_file=options.env_file,
        env=env, neutral=neutral, allow_env=options.allow_env, headers=headers,
        notes=(f"also here: {', '.join(others)} (--app, --command)",) if others else (),
    )  # fmt: skip
    return detected, replace(service, env={**env, **dict.fromkeys(neutral, "")})


def _try(
    options: InitOptions, detected: Found, spec: StackSpec, state_dir: Path, progress: Progress
) -> Found:
    """On a stack of its own: once as USE_REDIS=true, and whether USE_REDIS=false makes a difference."""
    standalone = spec.redis_mode is RedisMode.STANDALONE and options.redis is None
    try:
        with fresh_stack("embedded", state_dir, spec, progress) as stack:
            try:
                return _tried_on(stack, options, detected, progress)
            except EnvironmentProblem as problem:
                if standalone and wants_cluster(stack.endpoints().control):
                    raise _NeedsCluster(problem.message, hint=problem.hint) from problem
                raise _with_log(problem, stack) from None
    except _NeedsCluster:
        raise
    except EnvironmentProblem as problem:
        if standalone and "cluster" in problem.message.lower():  # it ended at start, and says why
            raise _NeedsCluster(problem.message, hint=problem.hint) from problem
        raise


def _with_log(problem: EnvironmentProblem, stack: JournaledStack) -> EnvironmentProblem:
    """The problem, with the end of the pod's log as its hint where the service broke."""
    if not isinstance(problem, Refused):
        return problem
    lines = (line.partition("| ")[2] for line in stack.logs(POD, tail=40, follow=False))
    last_lines = last_words("\n".join(lines), 3)
    return EnvironmentProblem(
        problem.message,
        hint=f"its log ends: {last_lines}; {problem.hint}"
        if problem.its_fault and last_lines
        else problem.hint,
    )


def _tried_on(stack: JournaledStack, options: InitOptions, detected: Found, progress: Progress) -> Found:
    endpoints = stack.endpoints()
    with local_client(endpoints.traffic, _TIMEOUT_S) as http, connected(endpoints, 0) as redis:
        trying = _Trying(options, detected, http)
        session = None if options.verify else trying.login_session()
        detected = replace(detected, session=session)
        try:
            detected, kinds, profile = trying.everything(detected)
        except (UsageProblem, EnvironmentProblem) as problem:
            session = session or trying.any_session(detected, problem)
            detected = replace(detected, session=session)
            with ControlClient(endpoints.control) as control:
                spoke = control.latest("commands") > 0
            in_files = _login_in_files(stack, trying.pod, session)
            use = _login_use(stack, http, session, trying.pod, progress) if spoke else RedisUse.UNUSED
            notes = (*detected.notes, *in_files, *([] if spoke else unused_redis(options.folder)))
            return replace(detected, redis_use=str(use), headers=trying.pod.headers, notes=notes)
        if not profile.switchable or not kinds:
            return detected
        seen = [session_in_redis(trying.pod, endpoints.control, redis, kind, profile) for kind in kinds]
        telling = next((item for item in seen if item.key is not None), seen[0])
        silent = telling.key is None and not telling.commands
        undecided_mode = not detected.redis_mode and options.redis is None
        if silent and undecided_mode and wants_cluster(endpoints.control):
            raise _NeedsCluster("the service's client asks this standalone Redis for a cluster")
        notes = (*detected.notes, *([telling.note] if telling.note else []))
        detected = replace(detected, key=telling.key, notes=notes)
        if telling.key is None and telling.commands:
            stack.restart_pods({POD: {"USE_REDIS": "false"}}, progress)
            without = session_in_redis(trying.pod, endpoints.control, redis, kinds[0], profile)
            use = RedisUse.ALIKE if without.names == seen[0].names else RedisUse.UNKNOWN
            return replace(detected, redis_use=str(use))
        if telling.key is None:
            in_files = _kept_in_files(stack, trying.pod, kinds[0], profile)
            notes = (*detected.notes, *in_files, *unused_redis(options.folder))
            return replace(detected, redis_use=str(RedisUse.UNUSED), notes=notes)
        kind = kinds[seen.index(telling)]
        stack.restart_pods({POD: {"USE_REDIS": "false"}}, progress)
        without = session_in_redis(trying.pod, endpoints.control, redis, kind, profile)
        if without.key is None:
            return replace(detected, redis_use=str(RedisUse.SWITCHED))
        note = "sessions are in Redis whatever USE_REDIS says: if another variable switches it, put it in"
        notes = (*detected.notes, f"{note} [service.redis] on and off")
        return replace(detected, redis_use=str(RedisUse.ALWAYS), notes=notes)


def _kept_in_files(stack: JournaledStack, pod: Pod, kind: Kind, profile: ServiceProfile) -> list[str]:
    """What is to be noted where a new session stands in a file, as its id tells."""
    began, pid = time.time(), stack.status().pods[0].pid
    session = ChallengeId(str(pod.open_session(kind, profile).id))
    files = () if pid is None else files_of_sessions(pid, [session], began)
    if not files:
        return []
    return [
        f"a new session stands in a file ({Path(files[0]).name}): containers share no file, so in production "
        "no other pod finds it there"
    ]


def _login_in_files(stack: JournaledStack, pod: Pod, session: SessionProfile) -> list[str]:
    """What is to be noted where a login session stands in a file, as the values of its cookies tell."""
    began, pid = time.time(), stack.status().pods[0].pid
    cookies = pod.send(session.open[-1].fill(None)).cookies
    files = () if pid is None else files_of_sessions(pid, [*map(ChallengeId, cookies.values())], began)
    if not files:
        return []
    return [
        f"a session stands in a file ({Path(files[0]).name}), and each pod has its own: where it is to be "
        "the database that all pods share, write shared-folder = true into [service]"
    ]


def _login_use(
    stack: JournaledStack, http: httpx.Client, session: SessionProfile, pod: Pod, progress: Progress
) -> RedisUse:
    """Whether USE_REDIS=false keeps a login session out of Redis; not known where the pod then fails."""
    control = stack.endpoints().control
    with_redis = login_commands(http, control, session, pod.headers)
    try:
        stack.restart_pods({POD: {"USE_REDIS": "false"}}, progress)
    except EnvironmentProblem:
        return RedisUse.UNKNOWN
    return use_by_commands(with_redis, login_commands(http, control, session, pod.headers))


class _Trying:
    """Talks to the started pod until the requests that open and use sessions are known."""

    def __init__(self, options: InitOptions, detected: Found, http: httpx.Client) -> None:
        self._options, self._found = options, detected
        self.pod = Pod(http, detected.headers)
        self._api = OpenApi(_document(http))
        self.pod.headers = {**self._api.required_headers(), **detected.headers}
        self._status_of_no_path = 404 if self._api.paths else self.pod.send(_NO_PATH.fill(None)).status

    def login_session(self) -> SessionProfile | None:
        """The requests of a login session, where the service has one."""
        create = self._options.create
        opening = self._opening(as_request(create)) if create else None
        return find_login_session(self.pod, self._api, self._options.folder, opening)

    def any_session(self, detected: Found, problem: UsageProblem | EnvironmentProblem) -> SessionProfile:
        """The session of a service of which nothing else is known.

        Raises ``problem`` where none is found, its hint with the devenv.toml that a person completes.
        """
        if self._options.create:
            known_why = self._options.verify or isinstance(problem, Refused)
            raise problem if known_why else self._not_opened() or problem
        seen = find_any_session(self.pod, self._api, self._options.folder)
        if seen.whole:
            return seen.session
        if isinstance(problem, Refused):  # what the service lacks is known
            raise problem
        hint = problem.hint
        if (login := seen.refused) is not None:
            body = json.dumps(login.fields or {})
            hint = (
                f"--create '{login.method} {login.path}' --create-body '{body}', with the name and the "
                "password of a user who may log in"
            )
        known = f" ({seen.opening_seen})" if seen.opening_seen else ""
        words = (
            f"for a login, a cart or a wizard write this devenv.toml{known}, with the service's own requests "
            f"in place of {HOLE}, and without those that it does not have"
        )
        text = toml_text(
            replace(detected, session=seen.session, headers=self.pod.headers)  # where they are was not seen
        )
        raise type(problem)(problem.message, hint=f"{hint}; {words}:\n\n{text.rstrip()}") from problem

    def _not_opened(self) -> EnvironmentProblem | None:
        """Why the request that a person named opens no session, where it was refused."""
        opening = self._opening(as_request(str(self._options.create)))
        answer = self.pod.send(opening.fill(None))
        if answer.opened:
            return None
        refused = Refused(opening, answer)
        return EnvironmentProblem(
            refused.message, hint=f"a name and a password that it takes, in --create-body; {refused.hint}"
        )

    def everything(self, detected: Found) -> tuple[Found, Sequence[Kind], ServiceProfile]:
        """All that can be found out, the kinds of its sessions, and how their answers are read."""
        options, detected = self._options, replace(detected, headers=self.pod.headers)
        if options.create is None and (
            detected.preset != CAPTCHA.name or may_be_mcp(options.folder, detected.app)
        ):
            mcp = self._mcp(detected)
            if mcp is not None:
                return mcp
        if options.create is None:
            contract = self._contract(detected)
            if contract is not None:
                return contract
        pairs = self._pairs()
        if pairs:
            return self._first_that_works(detected, pairs)
        mcp = self._mcp(detected)
        if mcp is not None:
            return mcp
        raise UsageProblem(
            "which request opens a session, and which uses it? Nothing tells"
            + ("" if self._api.paths else ": the service has no /openapi.json"),
            hint="""--create "POST /challenges" --verify "PUT /challenges/{id}" --body '{"answer": 0}'""",
        )

    def _mcp(self, detected: Found) -> tuple[Found, Sequence[Kind], ServiceProfile] | None:
        server = try_mcp(self.pod, None if detected.preset == CAPTCHA.name else detected.preset)
        if server is None:
            if detected.preset != CAPTCHA.name:
                raise EnvironmentProblem(
                    f"preset {detected.preset}: the service does not answer MCP's initialize at /mcp",
                    hint="devenv.toml can say where it does: docs/own-service.md, An MCP server",
                )
            return None
        detected = replace(
            detected, preset=server.preset, kinds=server.kinds, id_field=server.id_field,
            redis_use=str(RedisUse.UNUSED), notes=(*detected.notes, *server.notes),
        )  # fmt: skip
        return detected, (), PRESETS[server.preset]

    # -- the contract's own requests ---------------------------------------------------------------------

    def _contract(self, detected: Found) -> tuple[Found, Sequence[Kind], ServiceProfile] | None:
        """The kinds of the captcha preset that the service has, each tried; None where it has none."""
        fitting: dict[str, Kind] = {}
        notes: list[str] = []
        refused: Refused | None = None
        profile = replace(CAPTCHA, headers={})
        for name, preset_kind in CAPTCHA.kinds.items():
            kind = self._of_contract(preset_kind)
            if kind is None:
                continue
            try:
                why = misfit(self.pod, kind, profile)
            except Refused as problem:
                refused, why = refused or problem, problem.message
            if why is None:
                fitting[name] = kind
            else:
                notes.append(f"{name} is left out: {why}")
        if not fitting:
            if refused is not None:
                raise refused
            return None
        as_preset = fitting == dict(CAPTCHA.kinds)
        limit, note, _ = find_limit(self.pod, next(iter(fitting.values())), profile)
        detected = replace(
            detected, kinds={} if as_preset else fitting, limit=limit,
            notes=(*detected.notes, *notes, *([note] if note else [])),
        )  # fmt: skip
        return detected, tuple(fitting.values()), profile

    def _of_contract(self, kind: Kind) -> Kind | None:
        """A kind of the contract as the service has it, at one of its paths; None where it has it nowhere."""
        for path in (kind.create.path, *kind.aliases):
            create = replace(kind.create, path=path)
            if self._api.paths:
                there = path in self._api.paths and kind.verify.path in self._api.paths
            else:
                status = self.pod.send(create.fill(None)).status
                there = status not in (404, 405, 501, self._status_of_no_path)
            if there:
                return self._api.completed(kind if path == kind.create.path else replace(kind, create=create))
        return None

    # -- requests of its own -----------------------------------------------------------------------------

    def _pairs(self) -> list[tuple[Request, Request]]:
        """What was said, else what its OpenAPI makes likely."""
        options = self._options
        create = as_request(options.create) if options.create else None
        verify = as_request(options.verify) if options.verify else None
        if create is not None and verify is not None:
            return [(create, verify)]
        likely = self._api.pairs()
        pairs = [(create or opening, verify or using) for opening, using in likely]
        return [pair for index, pair in enumerate(pairs) if pair not in pairs[:index]]

    def _first_that_works(
        self, detected: Found, pairs: Sequence[tuple[Request, Request]]
    ) -> tuple[Found, Sequence[Kind], ServiceProfile]:
        """Every pair that works and is read as the first that does; raises the first problem where none."""
        problem: EnvironmentProblem | None = None
        working: list[Tried] = []
        notes: list[str] = []
        for create, verify in pairs:
            opening = self._opening(create)
            body = json_object(self._options.body, "--body") if self._options.body is not None else None
            try:
                tried = try_pair(self.pod, self._api, opening, verify, CAPTCHA, body)
            except EnvironmentProblem as error:
                problem = problem or error
                notes.append(f"left out: {error.message}")
                continue
            if working and (tried.place, tried.not_found) != (working[0].place, working[0].not_found):
                notes.append(f"{create.path} is left out: its answers are read differently")
                continue
            working.append(tried)
        if not working:
            assert problem is not None
            raise problem
        first = working[0]
        limit, note, gone = find_limit(self.pod, first.kind, first.profile(CAPTCHA))
        first = replace(first, not_found=(*first.not_found, *gone))
        profile = first.profile(CAPTCHA)
        detected = replace(
            detected, id_field=first.place.field, id_header=first.place.header, id_cookie=first.place.cookie,
            kinds=named([item.kind for item in working]), not_found=first.not_found, wrong=first.wrong,
            success=first.success, limit=limit,
            notes=(*detected.notes, *notes, *first.notes, *([note] if note else [])),
        )  # fmt: skip
        return detected, [item.kind for item in working], profile

    def _opening(self, create: Request) -> Request:
        """With the body that was said, else the fields that its OpenAPI requires."""
        if self._options.create_body is not None:
            return replace(create, body=json_object(self._options.create_body, "--create-body"))
        return self._api.opening(create)


def _document(http: httpx.Client) -> Mapping[str, Any]:
    """The service's OpenAPI; empty where it has none."""
    for place in PLACES:
        try:
            data = http.get(place).json()
        except (httpx.HTTPError, ValueError):
            continue
        if isinstance(data, dict) and isinstance(data.get("paths"), dict):
            return data
    return {}


def as_request(text: str) -> Request:
    """``METHOD /path``, or a path that is posted to. Raises UsageProblem where it is neither."""
    method, _, path = text.strip().rpartition(" ")
    if not path.startswith("/") or not (method or "POST").isalpha():
        raise UsageProblem(f"{text!r} is not 'METHOD /path'", hint='"POST /challenges"')
    return Request(path, (method or "POST").upper())


def json_object(text: str, flag: str) -> Mapping[str, Any]:
    """The JSON object of a flag. Raises UsageProblem where it is none."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise UsageProblem(f"{flag} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise UsageProblem(f"{flag} {text!r:.60} is no JSON object", hint="""like '{"answer": 0}'""")
    return body
