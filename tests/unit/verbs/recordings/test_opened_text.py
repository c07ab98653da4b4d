"""Texts inside texts: what is opened, and that everything else stays as it is written."""

from __future__ import annotations

import json

import pytest

from devenv.verbs.recordings.opened_text import is_markup, open_json, open_markup, open_pairs
from devenv.verbs.recordings.secret_names import is_secret_name

SECRET = "Xq9w"


def hidden(name: str, value: str) -> str:
    return "-" if is_secret_name(name) else value


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://h/cb#access_token=Xq9w&x=1", "https://h/cb#access_token=-&x=1"),
        ("url=https://h/x?token=Xq9w", "url=https://h/x?token=-"),
        ("curl --password Xq9w http://h", "curl --password - http://h"),
        ("X-Api-Key: Xq9w Xq9w\r\nHost: h\r\n", "X-Api-Key: -\r\nHost: h\r\n"),
        ('l(password: """Xq9w""", a: 1)', 'l(password: """-""", a: 1)'),
        ("['password' => 'Xq9w', 'a' => 'b']", "['password' => '-', 'a' => 'b']"),
        ("Data Source=db;User=a;Pwd=Xq9w;", "Data Source=db;User=a;Pwd=-;"),
        ('{"password": "Xq9w", "a": ', '{"password": "-", "a": '),
        ("time: 8:30, a=b=c", "time: 8:30, a=b=c"),
    ],
)
def test_pairs(text: str, left: str) -> None:
    assert open_pairs(text, is_secret_name, lambda _name, _value: "-") == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<a><Password t='x'>Xq9w</Password><b>y</b></a>", "<a><Password t='x'>-</Password><b>y</b></a>"),
        ("<auth><credentials><v>Xq9w</v></credentials></auth>",) * 2,
        ("<dict><key>apiToken</key><string>Xq9w</string></dict>",
         "<dict><key>apiToken</key><string>-</string></dict>"),
        ("<u login='a' passwd='Xq9w'/>", "<u login='a' passwd='-'/>"),
        ("<!-- a --><b><![CDATA[1 < 2]]></b><c", "<!-- a --><b><![CDATA[1 < 2]]></b><c"),
        ("<textarea name='privateKey'>Xq9w</textarea>", "<textarea name='privateKey'>-</textarea>"),
    ],
)  # fmt: skip
def test_markup(text: str, left: str) -> None:
    expected = left.replace("<v>Xq9w", "<v>-")
    assert is_markup(text)
    assert open_markup(text, hidden, lambda rest: rest) == expected


def test_json_among_other_text() -> None:
    def clean(data: object) -> object:
        return json.loads(json.dumps(data).replace(SECRET, "-"))

    text = '42["m",{"a":"Xq9w"}] [x name[0]=1 {"b": "Xq9w"} ]'
    assert open_json(text, clean, lambda rest: rest) == '42["m",{"a":"-"}] [x name[0]=1 {"b": "-"} ]'
