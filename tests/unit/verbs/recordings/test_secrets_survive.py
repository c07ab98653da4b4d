"""Secret × name × place × encoding: none survives; and what scenarios need is left as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest

from devenv.verbs.recordings.redaction import Redactor
from devenv.verbs.recordings.secret_names import is_secret_name

NAMES = """
    password passwordConfirm password_confirmation passwords[] password1 user[password] newPassword
    PASSWORD pwd pw db.pass passwd passphrase secret clientSecret client-secret api_key apiKey x-api-key
    accessToken access_token refresh-token csrfToken _csrf xsrf jwt otp totp otpCode verificationCode
    verification_code smsCode one_time_code oneTimePassword pin pinCode cvv cvc card cardNumber
    credit_card_number iban accountNumber email e-mail userEmail email_address tel phone phoneNumber
    mobile_number username firstName last_name ssn birthDate session session_id JSESSIONID PHPSESSID
    cookie authorization auth bearer signature credentials privateKey signing_key passwort Kennwort
    lösenord adgangskode passord salasana heslo jelszó slaptažodis κωδικός κωδικόςΠρόσβασης contrasenya
    palavra_passe kodeord wagwoord geslo lozinka gizliAnahtar lykilorð neno_siri pasahitza סיסמה كلمة_المرور
    개인키 인증키 unlockCode pepper refreshTok
    cardVerificationValue motherMaiden authz_header
    codigo_de_verificacion code_de_vérification Zugangsschlüssel parool 確認コード номер_телефона refresh_tkn
    parolă losenord contrasinal кодСлово sandi codiceFiscale steuerId nationalInsuranceNumber
    passwortWiederholen Geheimnis Telefonnummer Kreditkarte Geburtsdatum benutzername 비밀번호
    비밀번호확인 인증번호 주민등록번호 전화번호 휴대폰번호 이메일 카드번호 계좌번호 생년월일 パスワード
    密码 contraseña senha mot_de_passe
    securityAnswer security_question_1_answer memorableWord paymentKey
""".split()  # noqa: SIM905
PLAIN = "plain7x"
"""No shape of its own: only its name says that it is secret."""


def as_json(name: str, secret: str) -> tuple[str, str]:
    return json.dumps({"a": 1, name: secret}), "application/json"


PLACES: dict[str, Callable[[str, str], tuple[str, str | None]]] = {
    "json": as_json,
    "json, escaped": lambda n, s: (json.dumps({n: s}, ensure_ascii=True), "application/json"),
    "json, no type": lambda n, s: (json.dumps({n: s}, ensure_ascii=False), None),
    "json, deep": lambda n, s: (json.dumps({"x": [{"y": {n: s}}]}), "application/json"),
    "json, list": lambda n, s: (json.dumps({n: ["a", s]}), "application/json"),
    "json, object": lambda n, s: (json.dumps({n: {"value": s}}), "application/json"),
    "json in json": lambda n, s: (json.dumps({"payload": json.dumps({n: s})}), "application/json"),
    "json in json in json": lambda n, s: (
        json.dumps({"payload": json.dumps({"inner": json.dumps({n: s})})}), "application/json"
    ),
    "json said to be text": lambda n, s: (json.dumps({n: s}), "text/plain"),
    "ndjson": lambda n, s: ('{"a":1}\n' + json.dumps({n: s}) + "\n", "application/x-ndjson"),
    "events": lambda n, s: (f"event: x\ndata: {json.dumps({n: s})}\n\n", "text/event-stream"),
    "socket": lambda n, s: (f"42{json.dumps(['login', {n: s}])}", "text/plain"),
    "pairs of name and value": lambda n, s: (json.dumps([{"name": n, "value": s}]), "application/json"),
    "pairs, value first": lambda n, s: (json.dumps([{"value": s, "key": n}]), "application/json"),
    "pairs as lists": lambda n, s: (json.dumps([[n, s]]), "application/json"),
    "form": lambda n, s: (urlencode({"a": "1", n: s}), "application/x-www-form-urlencoded"),
    "form, no type": lambda n, s: (urlencode({"a": "1", n: s}), None),
    "json in a form": lambda n, s: (
        urlencode({"payload": json.dumps({n: s})}), "application/x-www-form-urlencoded"
    ),
    "form in json": lambda n, s: (json.dumps({"body": urlencode({"a": 1, n: s})}), "application/json"),
    "multipart": lambda n, s: (
        f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{s}\r\n--b--\r\n',
        "multipart/form-data; boundary=b",
    ),
    "json in multipart": lambda n, s: (
        '--b\r\nContent-Disposition: form-data; name="data"\r\nContent-Type: application/json\r\n\r\n'
        f"{json.dumps({n: s})}\r\n--b--\r\n",
        "multipart/form-data; boundary=b",
    ),
    "multipart, related": lambda n, s: (
        f"--b\r\nContent-Type: application/json\r\n\r\n{json.dumps({n: s})}\r\n--b--\r\n",
        "multipart/related; boundary=b",
    ),
    "xml": lambda n, s: (f"<r><{tag(n)}>{s}</{tag(n)}></r>", "application/xml"),
    "xml, named": lambda n, s: (f'<r><entry key="{n}">{s}</entry></r>', "text/xml"),
    "xml, attribute": lambda n, s: (f'<r a="1" {tag(n)}="{s}"/>', "application/xml"),
    "xml, cdata": lambda n, s: (f"<r><{tag(n)}><![CDATA[{s}]]></{tag(n)}></r>", "application/soap+xml"),
    "xml, name and value": lambda n, s: (
        f"<r><member><name>{n}</name><value><string>{s}</string></value></member></r>", "text/xml"
    ),
    "json patch": lambda n, s: (
        json.dumps([{"op": "replace", "path": f"/{n}", "value": s}]), "application/json-patch+json"
    ),
    "scim": lambda n, s: (
        json.dumps({"Operations": [{"op": "add", "path": n, "value": [s]}]}), "application/scim+json"
    ),
    "csv": lambda n, s: (f"id,{tag(n)},note\n1,{s},a\n2,b,\n", "text/csv"),
    "csv, quoted": lambda n, s: (f'"{tag(n)}";"note"\r\n"{s}";"a;b"\r\n', "text/csv"),
    "html": lambda n, s: (f'<form><input name="{n}" value="{s}"></form>', "text/html"),
}  # fmt: skip
ASCII_PLACES: dict[str, Callable[[str, str], tuple[str, str | None]]] = {
    "graphql": lambda n, s: (
        json.dumps({"query": f'mutation {{ login(a: 1, {word(n)}: "{s}") {{ ok }} }}'}), "application/json"
    ),
    "graphql alone": lambda n, s: (f'mutation {{ f(input: {{{word(n)}: "{s}"}}) }}', "application/graphql"),
    "text": lambda n, s: (f"the form had {word(n)}={s}, and failed", "text/plain"),
    "yaml": lambda n, s: (f"a: 1\n{word(n)}: {s}\n", "application/yaml"),
    "connection string": lambda n, s: (f"Server=db;{word(n)}={s};Timeout=5", "text/plain"),
    "odata": lambda n, s: (f"/users?$filter={word(n)} eq '{s}'", "text/plain"),
    "php": lambda n, s: (f'a:1:{{s:{len(word(n))}:"{word(n)}";s:7:"{s}";}}', "text/plain"),
    "php's session": lambda n, s: (f'{word(n)}|s:7:"{s}";', "text/plain"),
    "quoted": lambda n, s: (f"config.{word(n)} = '{s}'", "text/plain"),
}  # fmt: skip


def tag(name: str) -> str:
    return name.replace("[", "-").replace("]", "").strip("-")


def word(name: str) -> str:
    return tag(name).replace("-", "_").replace(".", "_")


def left(body: str, content_type: str | None) -> str:
    clean = Redactor().body(body, content_type)
    return clean if isinstance(clean, str) else json.dumps(clean, ensure_ascii=False)


@pytest.mark.parametrize("place", [*PLACES, *ASCII_PLACES])
def test_no_secret_survives_under_its_name(place: str) -> None:
    survived = []
    for name in NAMES:
        body, content_type = {**PLACES, **ASCII_PLACES}[place](name, PLAIN)
        assert PLAIN in body
        if PLAIN in left(body, content_type):
            survived.append(name)
    assert survived == []


@pytest.mark.parametrize("written", [quote, quote_plus, lambda text: quote(quote(text))])
def test_none_survives_in_a_query(written: Callable[[str], str]) -> None:
    survived = []
    for name in NAMES:
        for target in (f"/a?x=1&{quote(name)}={PLAIN}", f"/a?next={written(f'/cb?{name}={PLAIN}')}"):
            if PLAIN in Redactor().target(target):
                survived.append(target)
    assert survived == []


SHAPES = [
    "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "github_pat_" + "11ABCDEFG0abcdefghijkl",
    "xoxb-" + "123456789012-abcdefGHIJKL", "sk-" + "proj-abcdefghijklmnop", "sk_live_" + "abcdefgh12345678",
    "glpat-" + "abcdefghijklmnopqrst", "SG." + "abcdefghijkl.mnopqrstuvwx",
    "npm_" + "abcdefghijklmnopqrstuvwx",
    "hf_" + "abcdefghijklmnopqrstuv", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "QmFzZUxvbmdTZWNyZXRXaXRob3V0RGlnaXRz",
    "4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "30569309025904",
    "DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "900101-1234567", "123-45-6789", "010-1234-5678",
    "+82 10 1234 5678", "kim.minji@example.com",
]  # fmt: skip
AROUND = ["{}", "it is {} now", '"{}"', "({})", "k={}", "see {}.", "a,{},b"]


@pytest.mark.parametrize("secret", SHAPES)
def test_no_secret_survives_by_its_look(secret: str) -> None:
    texts = [around.format(secret) for around in AROUND]
    bodies: list[Any] = [*texts, {"note": texts}, {"inner": json.dumps({"note": texts})}]
    bodies.append("<a><b>" + secret + "</b></a>")
    for body in bodies:
        written = body if isinstance(body, str) else json.dumps(body)
        assert secret not in left(written, "text/plain" if isinstance(body, str) else "application/json")
    form = urlencode({"note": secret})
    assert form.partition("=")[2] not in left(form, "application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://user:hunter2@db:6379/0", "redis://REDACTED@db:6379/0"),
        ("postgres://:p@ss@db/x and amqp://u:p@q", "postgres://REDACTED@db/x and amqp://REDACTED@q"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: REDACTED"),
        ("curl -u x -H 'Bearer abc.def-123'", "curl -u x -H 'REDACTED'"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "REDACTED"),
    ],
)
def test_credentials_of_urls_and_headers(text: str, shown: str) -> None:
    assert left(text, "text/plain").startswith(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ALTER USER bob WITH PASSWORD 'x1';", "ALTER USER bob WITH PASSWORD 'REDACTED';"),
        ("CREATE USER a IDENTIFIED BY 'x1'", "CREATE USER a IDENTIFIED BY 'REDACTED'"),
        ('s:8:"password";s:2:"x1";', 's:8:"password";s:8:"REDACTED";'),
        ("jdbc:oracle:thin:scott/tiger@//db:1521/x", "jdbc:oracle:REDACTED@//db:1521/x"),
        ("id\temail\n1\ta\n", "id\temail\n1\tREDACTED\n"),
        ("- password: |\n    x1\n    x2\n  id: 1", "- password: |\n    REDACTED\n  id: 1"),
        ("userPassword:: eDE=", "userPassword:: REDACTED"),
        ("curl -s -u bob:x1 http://h/", "curl -s -u bob:REDACTED http://h/"),
        ("mysqldump -u root -px1 db", "mysqldump -u root -pREDACTED db"),
        ("machine h login bob password x1", "machine h login bob password REDACTED"),
        ("user.setPassword('x1')", "user.setPassword('REDACTED')"),
        ("tool --token=x1 --port=8080 run", "tool --token=REDACTED --port=8080 run"),
        ("password = [[x1]]", "password = [[REDACTED]]"),
        ("Your verification code is 123456.", "Your verification code is REDACTED."),
        ("83k1z9 is your one-time code", "REDACTED is your one-time code"),
        ("[Web] 인증번호 [482913]를 입력하세요", "[Web] 인증번호 [REDACTED]를 입력하세요"),
        # Not secret: an error's text, prose with commas, rows of another length.
        ("Unexpected token '<' in JSON", "Unexpected token '<' in JSON"),
        ("token, or not\nno, it is, none", "token, or not\nno, it is, none"),
        ("name,count\na,2\n", "name,count\na,2\n"),
        ("the status code is 404", "the status code is 404"),
        ("the access code is wrong", "the access code is wrong"),
        ("order-12 is your order", "order-12 is your order"),
        ("list: |\n  a\n  b", "list: |\n  a\n  b"),
        ("find('token') -p 8080:80", "find('token') -p 8080:80"),
        ('a:1:{s:4:"name";s:3:"bob";}', 'a:1:{s:4:"name";s:3:"bob";}'),
    ],
)
def test_values_beside_their_names_in_other_languages(text: str, shown: str) -> None:
    assert left(text, "text/plain") == shown


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/api/password/kV4tR9q/reset", "/api/password/REDACTED/reset"),
        ("/verify-email/token/kV4tR9q", "/verify-email/token/REDACTED"),
        ("/a/reset-token/kV4tR9q?b=1", "/a/reset-token/REDACTED?b=1"),
        ("/tokens/count/5", "/tokens/count/5"),
        ("/sessions/ab12cd34/answers", "/sessions/ab12cd34/answers"),
        ("/password/reset/step2", "/password/reset/step2"),
        ("/token/{captured:a1}", "/token/{captured:a1}"),
    ],
)
def test_what_stands_behind_the_name_of_a_secret_in_a_path(target: str, shown: str) -> None:
    assert Redactor().target(target) == shown


def test_the_secret_columns_of_a_table() -> None:
    table = {"columns": ["id", "password"], "rows": [[1, "x1"], [2, ""], ["short"]]}
    assert Redactor().body(json.dumps(table)) == {**table, "rows": [[1, "REDACTED"], [2, ""], ["short"]]}
    kept = {"columns": ["id", "colour"], "rows": [[1, "x1"]], "names": ["a"], "data": {"a": "b"}}
    assert Redactor().body(json.dumps(kept)) == kept


def test_a_card_may_be_a_number() -> None:
    body = {"n": 4111111111111111, "at": 1690000000123456, "id": 4111111111111112}
    assert Redactor().body(json.dumps(body)) == {**body, "n": "REDACTED"}


NEEDED: list[Any] = [
    {"challenge_id": "{challenge:c1}", "selections": [0, 1, 2], "answer": "bananas", "attempts": 2},
    {"id": 12345, "ticket": "t-77", "cid": "0123456789abcdef", "request_id": "r-1", "trace": "00-ab-cd-01"},
    {
        "username_taken": False,
        "passed": True,
        "passenger": "no. 4",
        "compass": "N",
        "bypass": "x",
        "pinned": 2,
    },
    {
        "author": "x",
        "cardinality": 3,
        "cards": 5,
        "spin": 1,
        "hotpink": "y",
        "card_type": "visa",
        "option": "b",
    },
    {"max_tokens": 400, "token_count": 7, "password_length": 12, "expires_in": 3600, "session_ttl": 60},
    {"message": "Challenge not found", "status": "success", "question": "Select all bananas", "ttl": 60},
    {"time": "2026-11-30T08:00:00.000Z", "epoch": 1764489600123, "version": "10.15.7", "ip": "127.0.0.1"},
    {"url": "/assets/a.png?v=3", "link": "http://127.0.0.1:8080/api/x", "color": "#aabbcc", "path": "a/b/c"},
    {"name": "Ada", "type": "abstract", "value": "x", "key": "theme", "label": "Your age"},
    {"pod": "captcha-api-a", "keyboard": "de", "monkey": 1, "tokyo": 2, "secretary_of": None, "emails": []},
    {"class": "InternalServerErrorException", "code": "E1234", "nonce": 5, "page": "2", "sort": "name:asc"},
]


@pytest.mark.parametrize("body", NEEDED)
def test_what_scenarios_need_stays(body: Any) -> None:
    redactor = Redactor()
    assert redactor.body(json.dumps(body), "application/json") == body
    assert not redactor.removed


def test_a_text_that_says_nothing_secret_stays_byte_for_byte() -> None:
    texts = ['{"a":1, "b" : [ ]}', "a: 1\nb: 2\n", "<a b='1'>x &amp; y</a>", "[not json", "100% of {x}",
             "%7e", "query { a(b: \"c\") { d } }", "data: {\"x\":1}\n\n", "42[\"m\",{\"t\":1}]"]  # fmt: skip
    assert [left(text, "text/plain") for text in texts] == texts


@pytest.mark.parametrize(
    "unit", ["a", "a.", "eyJ", '{"', "[", '["x",\n', "<a", "<a>", "password=\"", "://a", "x@", "4111 ", "%25",
             "a-a_", "AB12 ", "+1 ", "bearer ", "Z9", "\\\"", "a:", "<![CDATA[",
             "-----BEGIN PRIVATE KEY-----"],
)  # fmt: skip
def test_hostile_texts_cost_what_their_length_says(unit: str) -> None:
    """Not in seconds: a text of 300,000 characters would take hours where a pattern were quadratic."""
    text = unit * (300_000 // len(unit))
    for content_type in ("text/plain", "application/xml"):
        Redactor().body(text, content_type)


@pytest.mark.parametrize("times", range(1, 8))
def test_no_percent_sign_is_escaped_so_often_that_a_secret_survives(times: int) -> None:
    text = f"/cb%{'25' * times}3Fsecurity_question_1_answer%{'25' * times}3D{PLAIN}"
    assert PLAIN not in Redactor().target(f"/a?next={text}")
    assert PLAIN not in Redactor().body(text, "text/plain")


def test_what_is_not_secret_stays_as_it_was_written_beside_percent_signs() -> None:
    assert left("a 5%20 caf\u00e9 me@x.org", "text/plain") == "a 5%20 caf\u00e9 REDACTED"


def test_a_path_that_begins_like_a_host_stays_a_path() -> None:
    assert Redactor().target("//[a/b?x=1#c") == "//[a/b?x=1"


def test_half_a_character_beside_a_secret_is_no_error() -> None:
    assert PLAIN not in Redactor().body(f"a=%41\ud800&q=\ud800{{'password': '{PLAIN}'}}", "text/plain")
    assert PLAIN not in Redactor().target(f"/a?q=\ud800%20password=%22{PLAIN}%22")


def test_names_in_general() -> None:
    assert [name for name in NAMES if not is_secret_name(name)] == []
