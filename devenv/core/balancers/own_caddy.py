"""A team's Caddyfile taken over, line by line."""

from __future__ import annotations

import re

from devenv.core.balancers.caddy import FILE
from devenv.core.balancers.own_copy import OwnCopy
from devenv.core.balancers.setting import CLIENT_HEADER, Place

_OPTIONS = (
    "\tadmin off\n\tpersist_config off\n\tauto_https off\n\tstorage file_system data\n"
    "\tlog {\n\t\tlevel ERROR\n\t}\n"
)
_REFUSED = {
    "import": "it needs another file",
    "forward_auth": "it asks another service",
    "dynamic": "its servers come from a name service",
}
_LEFT_OUT = ("tls", "log", "bind")
_ADDRESS = re.compile(r"(?:https?://|h2c://)?[A-Za-z0-9_.-]+(?::\d+)?")


def adapt(copy: OwnCopy, place: Place) -> dict[str, str]:
    """The copy of the Caddyfile: its own global options give way to those that keep it on this machine."""
    out: list[str] = []
    copy.lines = [0] * (_OPTIONS.count("\n") + 2)

    def put(number: int, text: str) -> None:
        out.append(text)
        copy.lines.extend([number] * (text.count("\n") + 1))

    snippets = set(re.findall(r"^\(([^()\s]+)\)\s*\{", copy.text, re.MULTILINE))
    depth, skipped, in_proxy, entered, number_of_server = 0, 0, 0, False, 0
    for number, text in enumerate(copy.text.split("\n"), start=1):
        tokens = re.sub(r"(?:^|\s)#.*", "", text).split()
        opens, closes = tokens[-1:] == ["{"], tokens[:1] == ["}"]
        if skipped:
            skipped += opens - closes
            copy.changed(number, text, "", "kept to this machine") if tokens and not closes else None
            continue
        if not tokens:
            put(number, text)
            continue
        if tokens[0] in _REFUSED and not (tokens[0] == "import" and tokens[1:2] and tokens[1] in snippets):
            copy.refuse(number, f"{tokens[0]}: {_REFUSED[tokens[0]]}")
        if depth == 0 and tokens == ["{"]:
            copy.changed(number, "{ … }", "", "its global options: admin, certificates, logs")
            skipped = 1
            continue
        new = text
        if depth == 0 and opens and not tokens[0].startswith("("):
            if entered:
                copy.refuse(
                    number, f"{tokens[0]}: a second site", "keep the site that is to be tried in a copy"
                )
            entered = True
            new = copy.changed(number, text, f"http://:{place.port} {{", "its port here, without TLS")
            new += f"\n\tbind {place.host}"
        elif depth >= 1 and tokens[0] in _LEFT_OUT and not in_proxy:
            copy.changed(number, text, "", "its place or TLS")
            skipped = 1 if opens else 0
            continue
        elif tokens[0] == "reverse_proxy" or (in_proxy and tokens[0] == "to"):
            number_of_server = 0 if tokens[0] == "reverse_proxy" else number_of_server
            new, number_of_server = _servers(copy, number, text, tokens, place, number_of_server)
            if tokens[0] == "reverse_proxy":
                new = new if opens else new + " {"
                new += f"\n\t\theader_up {CLIENT_HEADER} {{remote}}" + ("" if opens else "\n\t}")
                in_proxy = depth + 1 if opens else 0
        elif in_proxy and tokens[0] in (
            "tls",
            "tls_insecure_skip_verify",
            "tls_server_name",
            "tls_trust_pool",
        ):
            copy.changed(number, text, "", "plain HTTP here")
            continue
        depth += opens - closes
        if in_proxy and depth < in_proxy:
            in_proxy = 0
        put(number, new)
    if not entered:
        copy.refuse(1, "no site block", "write the site as NAME { … }")
    return {FILE: "{\n" + _OPTIONS + "}\n" + "\n".join(out).rstrip("\n") + "\n"}


def _servers(
    copy: OwnCopy, number: int, text: str, tokens: list[str], place: Place, servers: int
) -> tuple[str, int]:
    new = [tokens[0]]
    for word in tokens[1:]:
        if word == "{" or word.startswith(("/", "@", "*")):
            new.append(word)
        elif "{" in word:
            copy.refuse(number, f"{word}: where it forwards to is decided by a placeholder")
        elif is_address(word):
            pod = place.servers[copy.server(number, servers, word)]
            new.append(f"{pod.host}:{pod.port}")
            servers += 1
        else:
            copy.refuse(number, f"{word} is no address of a server")
    indent = text[: len(text) - len(text.lstrip())]
    return copy.changed(number, text, indent + " ".join(new), "the pods"), servers


def is_address(word: str) -> bool:
    """Whether a word of reverse_proxy is the address of a server."""
    return _ADDRESS.fullmatch(word) is not None
