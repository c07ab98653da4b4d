"""From the TCP connection to the first answered PING: where a pod's way to Redis ends."""

from __future__ import annotations

from dataclasses import dataclass

from devenv.core.doctor_rules.advice import Advice, Change, Checked
from devenv.core.doctor_rules.facts import Facts, Reach, Server, Speech, Tls, Trust
from devenv.core.doctor_rules.settings import CA_NAMES, CERTIFICATE_NAMES, USER_NAMES, Pod
from devenv.core.resp.refusals import refusal_kind


@dataclass(frozen=True, slots=True)
class Case:
    """A server with settings that say where to change something."""

    server: Server
    """The server."""
    pod: Pod
    """The first pod that uses it."""

    @classmethod
    def of(cls, server: Server, facts: Facts) -> Case:
        """``server``'s pods are among those of ``facts``."""
        return cls(server, next(pod for pod in facts.pods if pod.name in server.pods))

    @property
    def subject(self) -> str:
        """The address."""
        return str(self.server.target)

    def advice(self, kind: str, sentence: str, *evidence: str, change: str, variable: str = "") -> Advice:
        """Advice on this server; ``variable`` is the one whose line is to be changed, "" where none is."""
        place = self.pod.line(variable) if variable else None
        return Advice(
            kind, self.subject, sentence, tuple(item for item in evidence if item), Change(change, place)
        )

    def name(self, names: tuple[str, ...]) -> str:
        """The one of several names of a setting that is in use here."""
        setting = self.pod.setting(*names)
        return setting.name if setting is not None else names[0]


def connection(case: Case) -> list[Checked]:
    """The steps up to PING, ending with the first that fails."""
    server = case.server
    if server.skipped is not None:
        return [Checked("connection", case.subject, server.skipped, known=False)]
    checks = []
    for name, step in (("port", _port), ("protocol", _protocol), ("login", _login)):
        outcome = step(case)
        if outcome is None:
            continue
        checks.append(Checked(name, case.subject, outcome, ()) if isinstance(outcome, str) else
                      Checked(name, case.subject, "", (outcome,)))  # fmt: skip
        if checks[-1].findings:
            return checks
    if "PING" in server.hung_up:
        text = "a Redis proxy: it ends the connection at PING, which services send first"
        checks[-1:] = [Checked("login", case.subject, text, known=False, blocks=True)]
    if server.broke:
        text = f"the connection broke before everything was read: {server.broke}"
        checks.append(Checked("connection", case.subject, text, known=False, blocks=True))
    return checks


def _port(case: Case) -> Advice | str | None:
    tcp, target = case.server.tcp, case.server.target
    if tcp is None:
        return None
    if tcp.reach is Reach.OPEN:
        return f"open, {tcp.seconds * 1000:.1f} ms"
    others = [
        f"port {port} of the same host: {_spoken(item)}" for port, item in case.server.elsewhere.items()
    ]
    better = next(
        (p for p, item in case.server.elsewhere.items() if item in (Speech.REDIS, Speech.TLS)), None
    )
    attempt = f"connecting to {target}: {_reached(tcp.reach)} after {tcp.seconds * 1000:.0f} ms"
    if tcp.reach is Reach.UNKNOWN_HOST:
        return case.advice(
            "host-unknown",
            f"no such {'socket' if target.local else 'host'}: {target.name}",
            f"{attempt}: {tcp.detail}",
            change="REDIS_HOST=the address of your Redis",
            variable="REDIS_HOST",
        )
    if tcp.reach is Reach.REFUSED and case.server.of_stack:
        sentence = f"{target} refuses connections: this stack's Redis has stopped since the pods were started"
        return case.advice(
            "redis-stopped", sentence, attempt, change="start it again: devenv down, devenv up"
        )
    kind = "port-closed" if tcp.reach is Reach.REFUSED else "no-answer"
    sentence = f"{target} {'refuses connections' if kind == 'port-closed' else 'does not answer'}"
    if better is None:
        wanted = "start Redis there, or correct REDIS_HOST and REDIS_PORT"
        if kind == "no-answer":
            wanted += "; or open the way: security group, network policy, firewall"
    else:
        sentence += f"; port {better} of the same host does"
        wanted = f"REDIS_PORT={better}"
        if case.server.elsewhere[better] is Speech.TLS and not target.tls:
            wanted += " and REDIS_SSL=true"
    return case.advice(kind, sentence, attempt, *others, change=wanted, variable="REDIS_PORT")


def _reached(reach: Reach) -> str:
    return {Reach.REFUSED: "refused", Reach.TIMEOUT: "no answer"}.get(reach, str(reach))


def _spoken(speech: Speech) -> str:
    return {
        Speech.REDIS: "Redis answers, without TLS",
        Speech.TLS: "something answers with TLS",
        Speech.HTTP: "an HTTP server",
        Speech.SILENT: "open, and silent",
        Speech.ENDED: "open, and ends each connection",
    }.get(speech, "open, and not Redis")


def _protocol(case: Case) -> Advice | str | None:
    server, target = case.server, case.server.target
    if server.speech is None:
        return None
    if server.speech in (Speech.HTTP, Speech.OTHER):
        return case.advice(
            "not-redis",
            f"what answers at {target} is not Redis",
            f"PING to {target}: {_spoken(server.speech)}",
            change="REDIS_PORT=the port of your Redis",
            variable="REDIS_PORT",
        )
    if server.speech is Speech.ENDED:
        return case.advice(
            "connection-ended",
            f"{target} accepts connections and ends them without a word",
            f"PING and GET to {target}: the connection was ended; a TLS handshake fails too",
            change="look at what stands before Redis: a load balancer without a server behind it, "
            "or one that lets in other addresses only",
        )
    if server.speech is Speech.SILENT:
        return case.advice(
            "redis-silent",
            f"{target} accepts connections and answers nothing",
            f"PING to {target}: no answer, neither plain nor with TLS",
            change="look at the server: it hangs, is paused, or stands behind a proxy that passes nothing on",
        )
    if server.speech is Speech.TLS and not target.tls:
        return case.advice(
            "tls-expected",
            f"{target} speaks TLS, the settings do not",
            f"PING to {target} without TLS: no answer; a TLS handshake succeeds",
            case.pod.shown("REDIS_SSL"),
            change="REDIS_SSL=true",
            variable="REDIS_SSL",
        )
    if server.speech is Speech.REDIS and target.tls:
        return case.advice(
            "tls-not-offered",
            f"the settings ask for TLS, {target} does not speak it",
            f"PING to {target} without TLS: answered",
            case.pod.shown("REDIS_SSL"),
            change="REDIS_SSL=false, or turn TLS on at the server",
            variable="REDIS_SSL",
        )
    if server.tls is None:
        return "Redis without TLS"
    return _certificate(case, server.tls)


def _certificate(case: Case, tls: Tls) -> Advice | str:
    """The handshake, as the pod's client sees it."""
    certificate, target = tls.certificate, case.server.target
    if tls.trust is Trust.OK:
        return (
            "TLS" if certificate is None else f"TLS, certificate valid for {certificate.days:.0f} more days"
        )
    shown = ""
    if certificate is not None:
        shown = f"certificate of {certificate.subject}, issued by {certificate.issuer}, "
        shown += f"valid until {certificate.not_after}"
    reason = f"TLS handshake with {target}: {tls.detail}"
    ca = case.name(CA_NAMES)
    if tls.trust in (Trust.EXPIRED, Trust.NOT_YET):
        how = "has expired" if tls.trust is Trust.EXPIRED else "is not valid yet"
        return case.advice(
            "certificate-expired",
            f"the certificate of {target} {how}",
            reason,
            shown,
            change="renew the server's certificate (tls-cert-file)",
        )
    if tls.trust is Trust.UNTRUSTED:
        return case.advice(
            "certificate-untrusted",
            f"the certificate of {target} is not signed by {tls.authorities}",
            reason,
            shown,
            change=f"{ca}=the file with the certificate of the authority that signed it",
            variable=ca,
        )
    if tls.trust is Trust.WRONG_NAME:
        names = ", ".join(certificate.names) if certificate is not None else "other names"
        return case.advice(
            "certificate-name",
            f"the certificate of {target} is for {names}, not for {target.name}",
            reason,
            shown,
            change="REDIS_HOST=a name in the certificate",
            variable="REDIS_HOST",
        )
    if tls.trust is Trust.NEEDS_CERTIFICATE:
        name = case.name(CERTIFICATE_NAMES)
        return case.advice(
            "client-certificate",
            f"{target} wants a client's certificate",
            reason,
            change=f"{name}=the client's certificate, with its key; or tls-auth-clients no at the server",
            variable=name,
        )
    return case.advice(
        "tls-failed", f"the TLS handshake with {target} fails", reason, shown,
        change="compare the TLS versions and ciphers of server and client",
    )  # fmt: skip


def _login(case: Case) -> Advice | str | None:
    server, target = case.server, case.server.target
    if not server.greeted:
        return None
    error = server.ping
    if error is None:
        return f"PING answered, {target.description}"
    reply = f"PING to {target} ({target.description}): {error}"
    user, start = case.name(USER_NAMES), error.split(" ", 1)[0].upper()
    if start == "NOAUTH" and not target.login and not case.pod.known("REDIS_PASSWORD"):
        return f"wants a password, which was not read: {_source(case.pod)}"
    kind = refusal_kind("PING", error)
    if kind in ("password-missing", "password-wrong", "password-unneeded"):
        return _password(case, reply, error)
    if kind == "not-ready":
        return case.advice(
            "not-ready", f"{target} is not ready: {error}", reply, change="wait for it; make pods wait too"
        )
    if kind == "permission":
        return case.advice(
            "permission",
            f"the user may not say PING, and services say it first: {error}",
            reply,
            change="give the user +ping (ACL SETUSER)",
            variable=user,
        )
    return case.advice(
        "login-refused", f"{target} refuses this client: {error}", reply,
        change="see the server's own words",
    )  # fmt: skip


def _source(pod: Pod) -> str:
    return pod.unknown.get("REDIS_PASSWORD") or ", ".join(pod.unread)


def _password(case: Case, reply: str, error: str) -> Advice:
    target = case.server.target
    if "without any password" in error:
        return case.advice(
            "password-unneeded",
            f"{target} has no password, and refuses a client that sends one",
            reply,
            change="leave REDIS_PASSWORD unset",
            variable="REDIS_PASSWORD",
        )
    if case.server.target.login:
        who = f" of user {target.user}" if target.user else ""
        wrong = "" if case.pod.setting("REDIS_PASSWORD") is None else case.pod.shown("REDIS_PASSWORD")
        return case.advice(
            "password-wrong",
            f"{target} refuses the password{who}",
            reply,
            wrong,
            change="REDIS_PASSWORD=the password that the server knows (in Kubernetes: from a Secret)",
            variable="REDIS_PASSWORD",
        )
    return case.advice(
        "password-missing",
        f"{target} wants a password, and none is set",
        reply,
        f"REDIS_PASSWORD is not set ({case.pod.line('REDIS_PASSWORD')})",
        change="REDIS_PASSWORD=the server's password (in Kubernetes: from a Secret)",
        variable="REDIS_PASSWORD",
    )
