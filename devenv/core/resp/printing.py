"""A reply as one short line: ``OK``, ``-ERR …``, ``1``, ``(nil)``, text, ``[a, b]``, ``{k: v}``."""

from __future__ import annotations

NIL = "(nil)"
_CUT = "…"
_MAX_DEPTH = 16


def printable(prefix: bytes) -> str:
    """The reply whose first wire bytes are ``prefix``; what is missing at the end is shown as an ellipsis.

    Errors keep their leading ``-``; bytes that are no UTF-8 are shown as \\xNN. Never raises.
    """
    return _Printer(prefix).value(0)


class _Printer:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0

    def value(self, depth: int) -> str:
        end = self.data.find(b"\r\n", self.pos)
        if end < 0:
            rest = self.data[self.pos :]
            self.pos = len(self.data)
            return (_text(rest[1:]) if rest[:1] in b"+:" else _text(rest)) + _CUT if rest else _CUT
        kind, line = self.data[self.pos : self.pos + 1], self.data[self.pos + 1 : end]
        self.pos = end + 2
        if kind in (b"$", b"=", b"!"):
            return self._bulk(kind, line)
        if kind in (b"*", b"~", b">", b"%", b"|"):
            return self._aggregate(kind, line, depth)
        if kind == b"_":
            return NIL
        if kind == b"#":
            return "true" if line == b"t" else "false"
        return ("-" if kind == b"-" else "") + _text(line)

    def _bulk(self, kind: bytes, line: bytes) -> str:
        if line == b"?":
            return self._chunks()
        if not line.isdigit():
            return NIL
        text = self._payload(int(line))
        if kind == b"=":
            return text[4:]
        return "-" + text if kind == b"!" else text

    def _payload(self, size: int) -> str:
        payload = self.data[self.pos : self.pos + size]
        self.pos += size + 2
        return _text(payload) + ("" if len(payload) == size else _CUT)

    def _chunks(self) -> str:
        text = ""
        while self.data[self.pos : self.pos + 1] == b";":
            end = self.data.find(b"\r\n", self.pos)
            size = self.data[self.pos + 1 : end] if end > 0 else b""
            if not size.isdigit():
                return text + _CUT
            self.pos = end + 2
            if int(size) == 0:
                return text
            text += self._payload(int(size))
        return text + _CUT

    def _aggregate(self, kind: bytes, line: bytes, depth: int) -> str:
        streamed = line == b"?"
        if not streamed and not line.isdigit():
            return NIL
        pairs = kind in (b"%", b"|")
        left = int(line) * (2 if pairs else 1) if not streamed else -1
        items: list[str] = []
        while left:
            if self.pos >= len(self.data) or depth >= _MAX_DEPTH:
                items.append(_CUT)
                self.pos = len(self.data)
                break
            if streamed and self.data.startswith(b".\r\n", self.pos):
                self.pos += 3
                break
            is_attribute = self.data[self.pos : self.pos + 1] == b"|"
            shown = self.value(depth + 1)
            if not is_attribute:
                items.append(shown)
                left -= 1
        if kind == b"|" and depth == 0:  # the attribute of the reply itself: show the reply
            return self.value(depth)
        if pairs:
            shown_pairs = [": ".join(items[at : at + 2]) for at in range(0, len(items), 2)]
            return "{" + ", ".join(shown_pairs) + "}"
        return "[" + ", ".join(items) + "]"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace").replace("\r", "\\r").replace("\n", "\\n")
