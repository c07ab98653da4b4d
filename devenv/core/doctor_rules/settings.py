"""The settings of each pod, every one with the file and line where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from devenv.core.model.contract import DEFAULTS
from devenv.core.model.env_file import read_env
from devenv.core.model.vocabulary import TEACHING_STORES, Strategy

USER_NAMES = ("REDIS_USERNAME", "REDIS_USER")
CA_NAMES = ("REDIS_CA_CERTS", "REDIS_SSL_CA_CERTS", "REDIS_SSL_CA", "REDIS_CA_CERT", "SSL_CERT_FILE")
CERTIFICATE_NAMES = ("REDIS_SSL_CERTFILE", "REDIS_SSL_CERT", "REDIS_CERT")
KEY_NAMES = ("REDIS_SSL_KEYFILE", "REDIS_SSL_KEY", "REDIS_KEY")
CHECK_NAMES = ("REDIS_SSL_CERT_REQS",)
"""The reference service's names first, then others in use: the contract has no variable for these.

SSL_CERT_FILE is OpenSSL's own: https://docs.openssl.org/master/man3/X509_get_default_cert_file/.
"""

RELEVANT = frozenset({*DEFAULTS, "REDIS_HOST", "REDIS_PASSWORD", "REDIS_CLUSTER", "SESSION_STRATEGY"})
KNOWN = frozenset(
    {*RELEVANT, "REDIS_URL", *USER_NAMES, *CA_NAMES, *CERTIFICATE_NAMES, *KEY_NAMES, *CHECK_NAMES}
)
"""Every variable whose value is read here."""
PLACE = ("USE_REDIS", "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_SSL", "REDIS_PREFIX")
"""The variables that say where the sessions are."""
ITS_CODE = "its code"
"""The source of a setting that only the code of a service tells, or the beginning of the source."""
_SECRET = ("PASSWORD", "SECRET", "TOKEN", "REDIS_URL")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands."""

    file: str
    """The file, or the other source that is named: a pod, an option of the command line."""
    line: int | None = None
    """The line, from 1; None for the file as a whole."""

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. The value of a secret one is never part of ``shown`` nor of ``repr``."""

    name: str
    """The variable's name."""
    value: str = field(repr=False)
    """The variable's value."""
    place: Place
    """Where it is set."""
    secret: bool = False
    """Whether it comes from a Secret of Kubernetes."""

    @property
    def hidden(self) -> bool:
        """Whether the value must not be shown."""
        login = "://" in self.value and "@" in self.value
        return self.secret or login or any(word in self.name for word in _SECRET)

    @property
    def shown(self) -> str:
        """``NAME=value``, without the value of a secret."""
        return f"{self.name}=(not shown)" if self.hidden else f"{self.name}={self.value}"

    @property
    def blank(self) -> str:
        """What the value begins or ends with and was hardly meant, in words; empty where nothing."""
        return blank_around(self.value)


class Client(StrEnum):
    """What kind of Redis client a pod uses, as far as its settings say."""

    PLAIN = "plain"
    CLUSTER = "cluster"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Pod:
    """The settings of one pod, or of all replicas of one workload."""

    name: str
    """The pod's or the workload's name, or that of the file."""
    place: Place
    """Where a variable that is missing would be added."""
    settings: Mapping[str, Setting]
    """The variables that are known, by name."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """The variables that are set from somewhere that was not read, and from where."""
    unread: tuple[str, ...] = ()
    """Sources of variables whose names are not known either."""
    replicas: int | None = None
    """How many pods there are; None where that is not known."""
    service: bool = True
    """Whether it is a service; a bare address says nothing of flags and prefixes."""
    client: Client = Client.PLAIN
    """The client that the pod uses where REDIS_CLUSTER is not set."""
    past_gate: bool = False
    """Whether it is a pod of a running stack whose Redis is not behind the stack's gate."""

    def setting(self, *names: str) -> Setting | None:
        """The first of ``names`` that has a value; else the first that is set to the empty string."""
        candidates = [self.settings[name] for name in names if name in self.settings]
        return next((item for item in candidates if item.value), candidates[0] if candidates else None)

    def known(self, name: str) -> bool:
        """Whether the value is known: it is set here, or surely nowhere."""
        return name in self.settings or (name not in self.unknown and not self.unread)

    def text(self, *names: str) -> str:
        """The value, or the default where the variable is not set; "" where there is none."""
        setting = self.setting(*names)
        return setting.value if setting is not None else DEFAULTS.get(names[0], "")

    def flag(self, name: str) -> bool:
        """As services read it: true in any case is true, every other word is false."""
        return self.text(name).lower() == "true"

    def integer(self, name: str) -> int | None:
        """The value as an integer; None where it is none."""
        try:
            return int(self.text(name))
        except ValueError:
            return None

    def quoted(self, name: str) -> str:
        """``NAME='value'``, for sentences; the value of a secret is left out."""
        setting = self.setting(name)
        return setting.shown if setting is not None and setting.hidden else f"{name}={self.text(name)!r}"

    def hides(self, *names: str) -> bool:
        """Whether the value of one of ``names`` comes from a Secret, or is secret by itself."""
        return any((setting := self.setting(name)) is not None and setting.hidden for name in names)

    def has_blank(self, name: str) -> bool:
        """Whether the value begins or ends with a blank that was hardly meant."""
        setting = self.setting(name)
        return setting is not None and bool(setting.blank)

    def line(self, name: str) -> Place:
        """Where the variable stands; where it is not set, where to set it."""
        setting = self.setting(name)
        return setting.place if setting is not None else self.place

    def shown(self, name: str) -> str:
        """``NAME=value (file:line)``, for evidence."""
        setting = self.setting(name)
        if setting is None:
            return f"{name} is not set ({self.place}), so it is {DEFAULTS.get(name, 'empty')!r}"
        return f"{setting.shown} ({setting.place})"

    @property
    def host(self) -> str:
        """REDIS_HOST, where it is a name or an address; else ""."""
        word = self.text("REDIS_HOST").strip()
        return "" if host_in(word) != word else word

    @property
    def client_kind(self) -> Client:
        """By REDIS_CLUSTER, and by how the reference service's stores take it.

        The atomic store asks the server where no setting says it; the guide's does not ask, the teaching
        stores are plain always.
        """
        word, strategy = self.text("REDIS_CLUSTER").lower(), self.text("SESSION_STRATEGY").lower()
        if strategy in TEACHING_STORES or (strategy == Strategy.GUIDE and word != "true"):
            return Client.PLAIN
        return {"true": Client.CLUSTER, "false": Client.PLAIN, "auto": Client.AUTO}.get(
            word, Client.AUTO if strategy == Strategy.ATOMIC else self.client
        )


def blank_around(value: str) -> str:
    """What ``value`` begins or ends with and was hardly meant: ``a line break``; empty where nothing.

    Values of several lines, such as certificates, end in a line break by right.
    """
    inner = value.strip()
    if inner == value or "\n" in inner:
        return ""
    ending = value[len(value.rstrip()) :] or value[: len(value) - len(value.lstrip())]
    if "\n" in ending:
        return "a carriage return and a line break" if "\r" in ending else "a line break"
    return "a carriage return" if "\r" in ending else "a blank"


def host_in(word: str) -> str:
    """The host that is meant by a URL, or by host and port: ``redis://h:1/0`` and ``h:1`` mean h."""
    if "//" not in word and (word.count(":") != 1 or word.startswith("[")):
        return word  # a name, or an IPv6 address
    try:
        return urlsplit(word if "//" in word else f"//{word}").hostname or ""
    except ValueError:
        return ""


def env_file(text: str, name: str) -> Pod:
    """The pod that a ``.env`` file describes; ``name`` is the file's, as it is to be shown.

    Of a variable that is set twice the later line counts, as python-dotenv has it. Raises UsageProblem that
    names the line that cannot be read.
    """
    variables = read_env(text, name, interpolate=False)
    settings = {key: Setting(key, value, Place(name, line)) for key, (value, line) in variables.items()}
    composed = {
        key: f"another variable ({item.place})" for key, item in settings.items() if "${" in item.value
    }
    return Pod(
        name,
        Place(name),
        {key: item for key, item in settings.items() if key not in composed},
        unknown=composed,
    )
