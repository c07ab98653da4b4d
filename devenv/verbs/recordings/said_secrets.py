"""Secrets that a command line, a sentence or a line of code says, beside no ``=`` and no ``:``. Pure.

Which option of a program takes a password is what the program's manual says. All patterns are linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from devenv.verbs.recordings.secret_names import is_secret_name

CleanValue = Callable[[str, str], str]
"""Takes the name of a value and the value."""

SHORTEST = len("PIN: 1234")
"""Characters of the shortest text that says a secret."""
_THEN = r"(?:[ ]{1,4}|=)?[\"']?"
_VALUE = r"(?P<value>[^\s\"'|;&<>-][^\s\"']{0,200}+)"
_USER = r"[^\s:,%\"']{1,80}"
_OPTIONS = {
    "curl": rf"(?:-u|--user|-U|--proxy-user){_THEN}{_USER}:{_VALUE}"
    rf"|(?:-b|--cookie){_THEN}(?P<cookie>[^\s\"'=]{{1,80}}=[^\"'\n]{{1,2000}}+)",
    "http": rf"(?:-a|--auth){_THEN}(?:{_USER}:)?{_VALUE}",
    "mysql": rf"-p[\"']?{_VALUE}",
    "-p": rf"-p{_THEN}{_VALUE}",
    "-a": rf"-a{_THEN}{_VALUE}",
    "-w": rf"-w{_THEN}{_VALUE}",
    "-P": rf"-P{_THEN}{_VALUE}",
    "-pw": rf"-pw{_THEN}{_VALUE}",
    "%": rf"-U{_THEN}{_USER}%{_VALUE}",
    ",": rf"-u{_THEN}{_USER},{_VALUE}",
    "openssl": rf"-[kK]{_THEN}{_VALUE}|pass:(?P<given>[^\s\"']{{1,200}}+)",
    "snmp": rf"-[cAX]{_THEN}{_VALUE}",
}
"""How options that take a password are written, without the blank before them."""
_PROGRAMS = {
    **dict.fromkeys(("mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump"), "mysql"),
    **dict.fromkeys(("http", "https", "xh"), "http"),
    **dict.fromkeys(("sshpass", "login", "mongo", "mongosh", "mongodump", "mongorestore", "cqlsh", "7z",
                     "rabbitmqadmin", "htpasswd"), "-p"),
    **dict.fromkeys(("ldapsearch", "ldapmodify", "ldapadd", "ldapwhoami", "ldapdelete"), "-w"),
    **dict.fromkeys(("zip", "unzip", "sqlcmd", "bcp", "mosquitto_pub", "mosquitto_sub", "ipmitool"), "-P"),
    **dict.fromkeys(("snmpwalk", "snmpget"), "snmp"),
    **dict.fromkeys(("plink", "pscp"), "-pw"),
    "curl": "curl", "redis-cli": "-a", "smbclient": "%", "lftp": ",", "openssl": "openssl",
}  # fmt: skip
"""Of each program its options; ``login`` is that of docker, podman, helm, az."""
_PATTERNS = {kind: re.compile(rf"(?<=\s)(?:{options})") for kind, options in _OPTIONS.items()}
_PROGRAM = re.compile(rf"(?:{'|'.join(sorted(_PROGRAMS, key=len, reverse=True))})(?=\s)")
_COMMAND_END = re.compile(r"(?<!\\)\n")
_GIVEN = re.compile(
    r"(?P<head>\bmachine\s{1,4}\S{1,200}\s{1,4}login\s{1,4}\S{1,200}\s{1,4}password\s{1,4}"
    r"|(?m:^)[\w.-]{1,20} (?i:login) \S{1,200} (?=\S{0,40}[\d!@#$%^&*+])"
    r"|(?m:^|(?<=[>$#] )|(?<=(?i:hello) \d ))(?i:auth)\s{1,4}(?:[\w.-]{1,60}\s{1,4})?"
    r"(?=\S{0,40}[\d!@#$%^&*+]))"
    r"(?P<value>[^\s\"']{1,200}+)(?m:$|(?=\s))"
)
"""A line of .netrc, Redis' AUTH, IMAP's LOGIN."""
_PROMPTED = re.compile(
    r"(?P<head>(?i:(?:passphrase|password|passcode|pin) for )(?:[^\n:=]{1,200}: |[^\n:=]{1,200}= ?')"
    r"|\bWIFI:[^\n]{0,200}?;P:|(?i:acl setuser )[^\n>]{1,200}>)(?P<value>[^\s;']{1,200}+)"
)
"""What is typed behind a prompt, ``SET PASSWORD FOR 'bob' = 'x'``, a QR code of a network, Redis' ACL."""
_DEFAULT = re.compile(
    r"(?P<name>[\w-]{2,80}+)\"?\s{0,4}\{[^{}]{0,300}?"
    r"(?i:default|value)\s{0,8}[:=]\s{0,8}\"(?P<value>[^\"\n]{1,500}+)"
)
"""``variable "password" { default = "x" }`` of Terraform."""
_ROW = re.compile(
    r"\((?P<names>[^()]{1,2000}+)\)\s{0,8}(?i:values)\s{0,8}"
    r"(?P<rows>(?:\((?:[^()'\"]++|'[^']*+'|\"[^\"]*+\")*+\)[\s,]{0,8})++)"
)
"""``(name, password) VALUES ('bob', 'x')`` of SQL."""
_CELL = re.compile(
    r"(?P<open>\()|(?P<next>,)|'(?P<quoted>[^']*+)'|\"(?P<double>[^\"]*+)\"|(?P<bare>[^\s,()'\"]++)|\)"
)

_NAMED_SO = (
    r"(?:pass(?:w(?:or[dt])?|wd|phrase|code)|Pass(?:w(?:or[dt])?|phrase|code)|PASS|secret|Secret|SECRET|token"
    r"|Token|TOKEN|pwd|Pwd|PWD|PW|PSK|api[ _-]?[kK]ey|Api[ _-]?Key|API[ _-]?[kK]|private[ _-]?key"
    r"|access[ _-]?key|requirepass|masterauth|SecureString|Kennwort"
    r"|kennwort|senha|Senha|mot de passe|contraseña"
    r"|wachtwoord|hasło"
    r"|비밀번호|비번|암호|パスワード|密码|密碼)"
)
"""Each begins with a letter: what cannot begin a match is left out by one comparison."""
_SPOKEN = re.compile(
    rf"{_NAMED_SO}(?P<name>[\w-]{{0,20}}+)[\"'*`\])]{{0,3}}"
    r"(?:(?:\s{1,2}(?i:is|was|are|to|of|ist|war|lautet|est|es|é|now))?[:*]{0,3}\s{1,3}|\s?\|\s?)"
    r"(?:[\"`'](?P<quoted>[^\"`'\n]{3,200})[\"`']|(?P<bare>[^\s\"'`,;<>(){}\[\]|]{4,200}+))"
)
_COMPARED_FIRST = re.compile(
    r"([\"'])(?P<value>[^\"'\n]{1,200})\1\s{0,2}[!=]==?\s{0,2}(?P<name>[A-Za-z_][\w.]{1,80}+)"
)
_NO_VALUE = re.compile(r"https?:|s:\d|/|\{|\$\w|%[\w(]|<|HTTP/|REDACTED")

_CODE_WORD = re.compile(
    r"(?:otp|OTP|pin|Pin|PIN|tan|TAN|passcode|Passcode|one-time|One-time|code|Code|CODE|codigo|código|Codigo"
    r"|Código|codice|Codice|kod|Kod|koodi"
    r"|enter(?= \d{4,8} )|Enter(?= \d{4,8} )|認証|確認|验证|驗證|인증|확인|код)s?(?![a-z])"
)
"""A word for a code; whether it proves something, the words around it say."""
_PROVES = re.compile(
    r"(?i:verif|confirm|sign|log ?in|authenti|security|one-time|expire|valid|otp"
    r"|(?<![a-z])(?:pin|tan)(?![a-z])|2fa|passcode|account|your|share|minutes|ihr|dein|votre|su |tu "
    r"|seu|tuo|twój|bestät|anmeld|segur)"
    r"|認証|確認|验证|驗證|인증|확인|код"
)
_NO_CODE = re.compile(
    r"(?i:status|error|response|exit|return|result|country|postal|zip|area|fehler)[ -]?code"
)
_CODE = re.compile(
    r"(?<![\w#:./,-])(?:[A-Z]-\d{4,8}|\d{3}[ -]\d{3}|\d{4,8}|(?=[A-Z0-9]{5,10}(?![A-Za-z0-9]))(?=[A-Z]*\d)"
    r"(?:\d|[A-Z](?=[A-Z0-9]*\d))[A-Z0-9]+|(?=[a-z]*\d[a-z]*\d)[a-z0-9]{6,10})(?![A-Za-z0-9_:/-]|[.,]\d)"
)
_AROUND = 60
"""Characters beside a word for a code in which the code stands."""


def open_said(text: str, value: CleanValue) -> str:
    """``text`` with what it says as a password, a token or a one-time code through ``value``."""
    if " -" in text or "\t-" in text:
        text = _open_commands(text, value)
    if "machine " in text or "AUTH " in text or "auth " in text or " LOGIN " in text:
        text = _GIVEN.sub(lambda match: match["head"] + value("password", match["value"]), text)
    if " for " in text or " FOR " in text or "WIFI:" in text or "ETUSER " in text or "etuser " in text:
        text = _PROMPTED.sub(lambda match: match["head"] + value("password", match["value"]), text)
    if "{" in text and "efault" in text:
        text = _DEFAULT.sub(lambda match: _where_secret(match, value), text)
    if "VALUES" in text or "values" in text:
        text = _ROW.sub(lambda match: _row(match, value), text)
    if " " in text or "|" in text:
        text = _SPOKEN.sub(lambda match: _sentence(match, value), text)
    if "==" in text or "!=" in text:
        text = _COMPARED_FIRST.sub(lambda match: _where_secret(match, value), text)
    return _open_codes(text, value)


def _open_commands(text: str, value: CleanValue) -> str:
    if _PROGRAM.search(text) is None:
        return text
    parts, begin = [], 0
    ends = [*(end.start() for end in _COMMAND_END.finditer(text)), len(text)]
    for end in ends:
        line = text[begin:end]
        for kind in dict.fromkeys(_PROGRAMS[name] for name in _PROGRAM.findall(line)):
            line = _PATTERNS[kind].sub(
                lambda match: _replaced(match, match.lastgroup or "value", "password", value),
                line,
                count=0 if kind == "curl" else 1,
            )
        parts.append(line)
        begin = end
    return "".join(parts)


def _where_secret(match: re.Match[str], value: CleanValue) -> str:
    return _replaced(match, "value", match["name"], value) if is_secret_name(match["name"]) else match[0]


def _row(match: re.Match[str], value: CleanValue) -> str:
    """Rows of SQL with the values of the secret columns cleaned."""
    names = [name.strip(' `"\n\t') for name in match["names"].split(",")]
    place = 0

    def cell(cell: re.Match[str]) -> str:
        nonlocal place
        kind = cell.lastgroup
        if kind in ("open", "next"):
            place = 0 if kind == "open" else place + 1
        elif kind and place < len(names) and is_secret_name(names[place]):
            return _replaced(cell, kind, names[place], value)
        return cell[0]

    begin = match.start("rows") - match.start()
    return match[0][:begin] + _CELL.sub(cell, match[0][begin:])


def _sentence(match: re.Match[str], value: CleanValue) -> str:
    group = "bare" if match["quoted"] is None else "quoted"
    word = match[group].rstrip(".:!?")
    if _NO_VALUE.match(word) or not _is_chosen(word):
        return match[0]
    begin = match.start(group) - match.start()
    return match[0][:begin] + value("password", word) + match[0][begin + len(word) :]


def _is_chosen(word: str) -> bool:
    """Whether a word is none of a language: letters with digits or signs between them."""
    digits = any(character.isdigit() for character in word)
    letters = any(character.isalpha() for character in word)
    return (digits and (letters or len(word) >= 4)) or any(sign in word for sign in "!@#$%^&*+")


def _open_codes(text: str, value: CleanValue) -> str:
    """One-time codes that a message says: ``Your verification code is 123456``."""
    parts, done = [], 0
    for word in _CODE_WORD.finditer(text):
        if word.start() < done:
            continue
        begin = max(done, word.start() - _AROUND, text.rfind("\n", done, word.start()) + 1)
        end = text.find("\n", word.end(), word.end() + _AROUND)
        end = min(word.end() + _AROUND, len(text)) if end < 0 else end
        near = text[begin:end]
        if _PROVES.search(near) and not _NO_CODE.search(near):
            near = _CODE.sub(lambda match: value("one-time code", match[0]), near)
        parts += [text[done:begin], near]
        done = end
    return "".join([*parts, text[done:]])


def _replaced(match: re.Match[str], group: str, name: str, value: CleanValue) -> str:
    """What was matched with one group of it through ``value``."""
    begin, end = match.start(group) - match.start(), match.end(group) - match.start()
    return match[0][:begin] + value(name, match[group]) + match[0][end:]
