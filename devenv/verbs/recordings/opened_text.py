"""Texts with a structure of their own, opened: JSON inside a text, XML, lines and pairs of names and values.

Each function gives the text with its values cleaned by the callbacks that it takes. All are linear.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable
from typing import Any

from devenv.verbs.recordings.secret_names import is_login, is_secret_name

CleanText = Callable[[str], str]
CleanData = Callable[[Any], Any]
CleanValue = Callable[[str, str], str]
"""Takes the name of a value and the value."""

_MOST_FAILURES = 20
"""This many times a bracket is tried that begins no JSON; the rest of the text has none, then."""
_DECODER = json.JSONDecoder()
_BRACKET = re.compile(r"[{\[](?<![^\W\d]\[)(?<!\]\[)")
"""What may begin JSON; ``name[0]`` does not."""
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u109f\u1780-\u17ff\u200c\u200d"
)
"""Accents on their own, vowels and tones of Hebrew, Arabic and the scripts of South and Southeast Asia.

They belong to a name, and are no letters (``\\w``).
"""
_ATTRIBUTE = re.compile(
    r"(?<![^\s<>/=\"'])([^\s<>/=\"']{1,80})(\s{0,8}=\s{0,8})(\"[^\"]*+\"|'[^']*+'|(?:[^\s<>\"'`/]|/(?!>))++)"
)
_ELEMENT = r"[^\s<>/=\"'&:!?]{1,80}"
"""A name of XML has characters of nearly all kinds (XML 1.0 §2.3, NameChar), one of HTML has more."""
_TAG_NAME = re.compile(rf"</?\s{{0,4}}(?:{_ELEMENT}:)?({_ELEMENT})")
_BARE_TAGS = re.compile(rf"(?:</?{_ELEMENT}>)++")
"""Tags on end, none of which has an attribute or a prefix."""
_BARE_NAME = re.compile(r"<(/?)([^>]++)")
_LABELS = frozenset(
    ("name", "key", "id", "field", "type", "param", "property", "label", "header", "autocomplete")
)
_VALUES = frozenset(("value", "content", "val", "text", "data", "default"))
_TITLES = frozenset(("td", "th", "dt", "label", "b", "strong", "span", "em", "div", "li"))
"""Elements whose text may say what the next text is: ``<td>Password</td><td>x</td>``."""
_TITLE = re.compile(r"(?:[^\W\d_][^\W\d]*+[ :*'-]{0,3}){1,7}")
_SECTIONS = (("<![CDATA[", "]]>"), ("<!--", "-->"))
_DEEPEST = 50
"""Elements above a closing tag that are looked through for the one that it closes."""
_SHORTEST_TABLE = len("pw,a\nb,c")
_LONGEST_TITLE = 60
_LONGEST_HEAD = 2_000
"""Characters of a line of names of columns."""
_LINE = re.compile(
    rf"(?m)^(?P<head>[ \t>*-]{{0,20}}+(?P<name>[^\W\d][\w{_MARKS} .\[\]-]{{0,60}}?)"
    r"(?:[ \t]{0,4}::?[ \t]{1,4}|(?:;[\w-]{1,20}=[\w,-]{1,40}){1,5}:))"
    r"(?P<value>(?![|>]\r?$)[^\r\n{}<>]++)(?=\r?$)"
)
"""``Authorization: Bearer x``: a line of a message's head, of YAML; ``userPassword:: eA==`` of LDIF;
``TEL;TYPE=cell:x`` of a vCard."""
_BLOCK = re.compile(
    rf"(?m)^(?P<head>(?P<indent>[ \t]{{0,40}}+)(?:-[ ]{{1,4}})?(?P<name>[^\W\d][\w{_MARKS}.-]{{0,60}}+)"
    r"[ \t]{0,4}:[ \t]{0,4}[|>][+-]?\d?[ \t]{0,4}\r?\n(?P<inner>(?P=indent)[ \t]{1,40}))"
    r"(?P<value>[^\n]*+(?:\n(?P=inner)[^\n]*+)*+)"
)
"""A text of several lines in YAML: ``password: |``."""
_PAIR_HEAD = re.compile(
    rf"(?P<name>[^\W\d](?<![\w{_MARKS}.\[\]-][^\W\d])[\w{_MARKS}.\[\]-]{{1,80}}+)"
    r"(?:(?:\[[\"'])?\\{0,8}[\"']?[\]}]?\s{0,3}(?:[:=!]={1,2}|=>|->|[=：＝]|::?(?!//))\s{0,3}|\((?=[\"'`]))"
)
"""``password=x``, ``password: "x"``, ``'password' => 'x'``: in a text, a connection string, GraphQL.

No name of one letter is secret.
"""
_PAIR_VALUE = re.compile(
    r"\"\"\"(?P<block>[^\"]*+)\"\"\"|[@$brfu]?\"(?P<double>(?:[^\"\\\n]|\\.)*+)\"|'(?P<single>(?:[^'\\\n]|\\.)*+)'"
    r"|`(?P<back>[^`\n]*+)`|\[\[(?P<long>[^\]]*+)\]\]|<<[-~]?[\"']?\w{1,20}[\"']?\r?\n(?P<here>[^\n]++)"
    r"|(?:Some|Just|String|Secret)\(\"?(?P<wrapped>[^()\"\n]{1,500}+)"
    r"|\(\s?[\"'][^\"'\n]{0,200}[\"'],\s?[\"'](?P<second>[^\"'\n]{1,500}+)"
    r"|[\[{(](?P<inside>[^\[\](){}\"':\n]{1,500}+)(?=[\])}])"
    r"|(?P<bare>(?![|>]\r?\n)[^\s\"'`&,;<>{}()\[\]\\]++)"
)
_CREDENTIALS = re.compile(r"[A-Za-z][\w-]{1,20} [^\s,;)}\]\"']++")
"""A scheme of ``Authorization`` with what it proves."""
_DECLARED = re.compile(r"\$(\w{1,80}+)\s{0,3}:")
"""A variable of GraphQL: the value of an argument that is no secret itself."""
_CODE_BESIDE_STATE = re.compile(
    r"(?P<head>[?&]code=)(?P<value>[^&\s\"'#]{1,500}+)(?=(?:&[^&\s\"'#]{1,500}+){0,5}?&state=)"
)
"""The address to which OAuth 2 leads back (RFC 6749 §4.1.2)."""
_AGAIN = ("confirm", "confirmation", "repeat", "again", "retype")
"""Names that say behind a secret that it is written once more."""
_ENTRY = re.compile(
    r"(?P<head>\b(?:name|key):[ \t]{1,4}[\"']?(?P<name>[\w.-]{2,80}+)[\"']?\r?\n"
    r"[ \t]{1,60}value:[ \t]{1,4}[\"']?)"
    r"(?P<value>[^\s\"'][^\r\n\"']{0,2000}+)"
)
"""An entry of a list in YAML, of which the next line is the value: variables of Kubernetes."""
_OPTION = re.compile(
    rf"(?P<head>-(?<![\w-]-)-?(?P<name>[^\W\d][\w{_MARKS}.-]{{1,60}}+)(?:[ ]{{1,4}}|=))"
    r"(?P<value>[^\s\"'&;<>{}()\[\]\\-][^\s\"'&;<>]*+)"
)
"""``--password x`` and ``--password=x`` of a command line."""
_ESCAPED = re.compile(
    r"(?P<head>(?P<quote>\\{0,16}\")(?P<name>[^\"\\\n]{1,100})(?P=quote)\s{0,8}:\s{0,8}(?P=quote))"
    r"(?P<value>[^\"\\]*+)(?P=quote)"
)
"""A field of JSON in a text that is no JSON as a whole."""

_COMPARED = re.compile(
    rf"(?P<head>(?<![\w{_MARKS}])(?P<name>(?i:password|passwd|pwd|identified\s{{1,4}}by)(?=\s{{1,4}}')"
    rf"|[^\W\d][\w{_MARKS}/.-]{{1,80}}+(?=\s{{1,4}}(?i:eq|like|is|=)\s))"
    r"\s{1,4}(?:(?i:eq|like|is|=)\s{1,4})?')(?P<value>[^'\n]*+)(?=')"
)
"""``PASSWORD 'x'`` and ``IDENTIFIED BY 'x'`` of SQL, ``password eq 'x'`` of OData and SCIM."""
_SERIALIZED = re.compile(
    r"(?P<head>(?:s:\d{1,6}:\"(?P<quoted>[^\"]{1,100})\";|(?<![\w.-])(?P<bare>[^\W\d][\w.-]{1,80}+)\|))"
    r"s:\d{1,9}:\"(?P<value>[^\"]*+)\""
)
"""A text with its name as PHP's serialize() writes it, and as PHP keeps it in a session."""
_COLUMN = re.compile(r"[ ]{0,40}\"?[^\W\d][\w .-]{0,60}\"?|[ ]?")
_RULED = re.compile(r"[ :|+-]*")
"""A cell of the line below the names of a table of Markdown."""


def open_json(text: str, data: CleanData, rest: CleanText) -> str:
    """Each JSON object or array of ``text`` through ``data``, what is between them through ``rest``."""
    parts, done, position, failures = [], 0, 0, 0
    while failures < _MOST_FAILURES and (bracket := _BRACKET.search(text, position)) is not None:
        start = bracket.start()
        try:
            value, end = _DECODER.raw_decode(text, start)
            clean = data(value)
        except (ValueError, RecursionError):
            failures += 1
            position = start + 1
            continue
        raw = text[start:end]
        parts += [rest(text[done:start]), raw if clean == value else dumped(clean, raw)]
        done = position = end
    return "".join([*parts, rest(text[done:])])


def dumped(data: Any, like: str) -> str:
    """``data`` as JSON, with spaces where ``like`` has them."""
    spaced = '": ' in like or "\n" in like or '", ' in like
    return json.dumps(data, ensure_ascii=False, separators=None if spaced else (",", ":"))


def open_pairs(text: str, secret: Callable[[str], bool], value: CleanValue) -> str:
    """Each value in ``text`` whose name is ``secret``: of lines, pairs, fields of JSON that is not whole."""

    colon = ":" in text
    if (colon and ('"' in text or ": " in text or ":\t" in text or ";" in text)) or (
        "-" in text and " " in text
    ):
        text = _open_lines(text, secret, value)
    if "state=" in text:
        text = _CODE_BESIDE_STATE.sub(lambda match: match["head"] + value("oauth code", match["value"]), text)
    if colon and "value: " in text:
        text = _ENTRY.sub(lambda match: _named(match, match["name"], secret, value), text)
    if "'" in text and " " in text:
        text = _COMPARED.sub(lambda match: _named(match, match["name"], secret, value), text)
    if ':"' in text:
        text = _SERIALIZED.sub(lambda match: _serialized(match, secret, value), text)
    if len(text) >= _SHORTEST_TABLE and "\n" in text:
        text = _open_columns(text, secret, value)
    if not (colon or "=" in text or "(" in text or "->" in text or "：" in text or "＝" in text):
        return text
    declared = frozenset(_DECLARED.findall(text)) if "$" in text else frozenset()
    parts, done = [], 0
    for head in _PAIR_HEAD.finditer(text):
        # A value is looked at only behind a secret name: it may hold pairs.
        name = "password" if done and head["name"] in _AGAIN else head["name"]
        if head.start() < done or not secret(name):
            continue
        if (match := _PAIR_VALUE.match(text, head.end())) is None:
            continue
        group = match.lastgroup or "bare"
        begin, end = match.span(group)
        if group == "bare" and text[begin] == "$" and text[begin + 1 : end] in declared:
            continue
        if group == "bare" and "auth" in name.lower():
            end = whole.end() if (whole := _CREDENTIALS.match(text, begin)) else end
        parts += [text[done:begin], value(name, text[begin:end])]
        done = end
    return "".join([*parts, text[done:]])


def _named(match: re.Match[str], name: str, secret: Callable[[str], bool], value: CleanValue) -> str:
    """What was matched, with its value clean where ``name`` is secret."""
    return match["head"] + value(name, match["value"]) if secret(name) else match[0]


def _serialized(match: re.Match[str], secret: Callable[[str], bool], value: CleanValue) -> str:
    """A text of PHP with the length that the clean value has."""
    name = match["quoted"] or match["bare"]
    if not secret(name):
        return match[0]
    clean = value(name, match["value"])
    return f'{match["head"]}s:{len(clean.encode("utf-8", "replace"))}:"{clean}"'


def _open_columns(text: str, secret: Callable[[str], bool], value: CleanValue) -> str:
    """Lines of cells (CSV, RFC 4180) under a line of names: the cells of the secret names cleaned."""
    head = text[: text.index("\n")].rstrip("\r")
    mark = next((mark for mark in "\t;,|" if mark in head), "")
    names = head.split(mark) if mark and len(head) <= _LONGEST_HEAD else []
    if not all(map(_COLUMN.fullmatch, names)):
        return text
    columns = {place: name.strip('" ') for place, name in enumerate(names) if secret(name.strip('" '))}
    if not columns:
        return text
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=mark, lineterminator="\r\n" if "\r\n" in text else "\n")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))
    except csv.Error:  # a cell of over 131,072 characters
        return head + "\n" + value(next(iter(columns.values())), text[len(head) :])
    if mark != "|" and any(len(row) not in (0, len(names)) for row in rows):
        return text
    for number, row in enumerate(rows):
        for place, name in columns.items() if number and len(row) == len(names) else ():
            if mark != "|":
                row[place] = value(name, row[place])
            elif not _RULED.fullmatch(row[place]):
                row[place] = f" {value(name, row[place].strip())} "
        writer.writerow(row)
    return written.getvalue()


def _open_lines(text: str, secret: Callable[[str], bool], value: CleanValue) -> str:
    """What a line, a field of JSON or an option of a command says: their values may hold blanks and pairs."""

    def named(match: re.Match[str]) -> str:
        return _named(match, match["name"].strip(), secret, value)

    def escaped(match: re.Match[str]) -> str:
        return named(match) + match["quote"] if secret(match["name"]) else match[0]

    if '"' in text:
        text = _ESCAPED.sub(escaped, text)
    if "|" in text or ">" in text:
        text = _BLOCK.sub(named, text)
    return _OPTION.sub(named, _LINE.sub(named, text))


def is_markup(text: str) -> bool:
    """Whether a text reads as XML or HTML."""
    return text.lstrip()[:1] == "<" and ">" in text


def open_markup(text: str, value: CleanValue, rest: CleanText) -> str:
    """XML or HTML with each text and attribute through ``value``, comments through ``rest``.

    A value's name is its element, the ``name``, ``key`` or ``id`` beside it, or that of an element around it.
    """
    reader = _Markup(value)
    parts, position = [], 0
    while (start := text.find("<", position)) >= 0:
        if start > position:
            parts.append(reader.node(text[position:start]))
        if bare := _BARE_TAGS.match(text, start):
            reader.bare_tags(bare[0])
            parts.append(bare[0])
            position = bare.end()
            continue
        begin, end = "<", ">"
        if text.startswith("<!", start):
            begin, end = next((marks for marks in _SECTIONS if text.startswith(marks[0], start)), ("<", ">"))
        close = text.find(end, start + len(begin))
        if close < 0:
            return "".join([*parts, rest(text[start:])])
        inner = text[start + len(begin) : close]
        if begin == "<":
            parts.append(reader.tag(text[start : close + 1]))
        else:
            parts.append(begin + (reader.node(inner) if begin == "<![CDATA[" else rest(inner)) + end)
        position = close + len(end)
    return "".join([*parts, reader.node(text[position:])])


class _Markup:
    """The open elements of a document, each with the name that makes it secret ("": none)."""

    def __init__(self, value: CleanValue) -> None:
        self._value = value
        self._open: list[tuple[str, str]] = []
        self._named = ""
        """What ``<name>…</name>`` said last: the name of the next value."""
        self._title = ""
        """What ``<td>…</td>`` said last, where that is the name of a secret."""
        self._logs_in = False
        """Whether the method of this call of XML-RPC takes secrets."""

    def node(self, text: str) -> str:
        """The text between two tags."""
        word = text.strip()
        if not word:
            return text
        element, secret = self._open[-1] if self._open else ("", "")
        kind = element.lower()
        if not secret:
            if kind in _LABELS:
                self._named = word if is_secret_name(word) else ""
                return text
            if kind in _TITLES or self._title or kind == "methodname":
                if (title := self._title_of(kind, word)) is None:
                    return text
                secret = title
        name, self._named = secret or self._named or element, ""
        if self._logs_in and kind in ("value", "string"):
            name = "login secret"
        plain = html.unescape(word) if "&" in word else word
        clean = self._value(name, plain)
        return text if clean == plain else text.replace(word, html.escape(clean, quote=False))

    def _title_of(self, kind: str, word: str) -> str | None:
        """What an element before said of this text, "" for nothing; None: it says what the next one is."""
        title, self._title = self._title, ""
        if kind == "methodname":
            self._logs_in = is_login(word)
        elif (
            kind in _TITLES
            and len(word) <= _LONGEST_TITLE
            and _TITLE.fullmatch(word)
            and is_secret_name(word)
        ):
            self._title = word
            return None
        return "" if kind == "th" else title

    def tag(self, tag: str) -> str:
        """A tag with its attributes."""
        name = _TAG_NAME.match(tag)
        if name is None:  # <?xml …?>, <!DOCTYPE …>
            return tag
        if tag.startswith("</"):
            self._close(name[1])
            return tag
        tag, label = self._attributes(tag) if "=" in tag else (tag, "")
        if not tag.endswith("/>"):
            around = self._open[-1][1] if self._open else ""
            self._open.append((name[1], around or label or (name[1] if is_secret_name(name[1]) else "")))
        return tag

    def bare_tags(self, tags: str) -> None:
        """What ``_BARE_TAGS`` matched."""
        for closing, name in _BARE_NAME.findall(tags):
            if closing:
                self._close(name)
            else:
                around = self._open[-1][1] if self._open else ""
                self._open.append((name, around or (name if is_secret_name(name) else "")))

    def _attributes(self, tag: str) -> tuple[str, str]:
        """A tag with its values cleaned, and the text of an attribute that makes what is beside it secret."""
        attributes = [(match[1], _quoted(match[3])[1]) for match in _ATTRIBUTE.finditer(tag)]
        label = next(
            (text for key, text in attributes if key.lower() in _LABELS and is_secret_name(text)), ""
        )

        def cleaned(match: re.Match[str]) -> str:
            key, (quote, written) = match[1], _quoted(match[3])
            if key.lower() in _LABELS:
                return match[0]
            called = label if label and key.lower() in _VALUES else key.rpartition(":")[2]
            plain = html.unescape(written) if "&" in written else written
            clean = self._value(called, plain)
            written = written if clean == plain else html.escape(clean)
            return f"{key}{match[2]}{quote}{written}{quote}"

        return _ATTRIBUTE.sub(cleaned, tag), label

    def _close(self, name: str) -> None:
        for place in range(len(self._open) - 1, max(len(self._open) - _DEEPEST, 0) - 1, -1):
            if self._open[place][0] == name:
                del self._open[place:]
                return


def _quoted(written: str) -> tuple[str, str]:
    """The quote of an attribute's value, "" where it has none, as HTML allows, and the value."""
    return (written[0], written[1:-1]) if written[0] in "\"'" else ("", written)
