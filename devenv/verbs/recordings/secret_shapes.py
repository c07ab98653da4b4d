"""What looks like a secret, whatever it is called. Pure; every pattern is linear in the length of the text.

The formats are those that their makers publish (prefixes of keys), RFC 7519 (JWT), RFC 7617 (Basic), ISO
13616 (IBAN, its check by 97), ISO/IEC 7812 (cards, Luhn's check digit), and the ideas of detect-secrets
and gitleaks.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from itertools import pairwise

# Each pattern begins with a letter or a class and looks behind after that: the engine then skips what cannot
# begin a match at a tenth of the cost.
_KEY_ID_KINDS = {
    "A": r"(?:KIA|SIA|GPA|IDA|ROA|IPA|NPA|NVA|BIA|CCA)[A-Z0-9]{12,20}|KC[A-Za-z0-9]{10,}+"  # Amazon, JFrog
    r"|Iza[\w-]{30,40}|TATT\w{16,}+|GE-SECRET-KEY-1\w{16,}+",  # Google, Atlassian, age
    "L": r"TAI[A-Z0-9]{12,20}",  # Alibaba
    "y": r"a29\.[\w-]{10,}+",  # Google
    "G": r"OCSPX-[\w-]{10,}+",
    "1": r"//0[\w-]{20,}+",
    "g": r"h[pousr]_\w{16,}+|ithub_pat_\w{16,}+|l(?:pat|ptt|dt|rt|cbt)-[\w-]{16,}+",  # GitHub, GitLab
    "x": r"ox[a-z]-[\w-]{8,}+|app-[\w-]{8,}+",  # Slack
    "s": r"k[-_](?:live|test|proj|ant|or|svcacct)[-_][\w-]{8,}+|k-[\w-]{16,}+"  # Stripe, models
    r"|hp(?:at|ca|pa|ss)_\w{16,}+|q0[a-z]{3}-[\w-]{16,}+|ecret_\w{16,}+",  # Shopify, Square, Notion
    "p": r"k[-_](?:live|test|proj|ant|or|svcacct)[-_][\w-]{8,}+|ypi-[\w-]{16,}+",
    "r": r"k[-_](?:live|test|proj|ant|or|svcacct)[-_][\w-]{8,}+|e_\w{16,}+",  # Resend
    "w": r"hsec_\w{8,}+",
    "S": r"G\.[\w-]{8,}+\.[\w-]{8,}+|T-\d{1,9}-[\w.-]{6,}+",  # SendGrid, CAS
    "T": r"GT-\d{1,9}-[\w.-]{6,}+",
    "k": r"ey-[0-9a-z]{16,}+",  # Mailgun
    "n": r"pm_\w{16,}+|tn_\w{16,}+",
    "h": r"f_\w{16,}+|v[sbr]\.[\w-]{16,}+",  # Hugging Face, Vault
    "d": r"o[opr]_v1_\w{16,}+|ckr_pat_[\w-]{16,}+",
    "E": r"AAC\w{16,}+",
    "N": r"RAK-\w{16,}+",
    "P": r"MAK-[\w-]{16,}+",
    "l": r"in_api_\w{16,}+",
    "f": r"igd_[\w-]{16,}+",
    "e": r"yJ[\w-]{8,}+[\w.-]*+",  # JWT
}
"""Keys whose makers give them a prefix, by its first letter."""
_KEY_IDS = re.compile(
    "|".join(f"{first}(?<![A-Za-z0-9]{first})(?:{rest})" for first, rest in _KEY_ID_KINDS.items())
)
_SCHEME = re.compile(
    r"[bBdDnN](?:(?<!\w[bBdDnN])(?:(?<=[bB])(?i:earer|asic)|(?<=[nN])(?i:egotiate)|(?<=[dD])(?i:igest))\s{1,4}"
    r"(?=\S{0,200}[\d=._/+-]|[A-Za-z0-9+/]{20})[A-Za-z0-9+/=._~-]{8,}+"
    r"|(?<=[bB])(?<![A-Za-z][bB])(?i:earer)\s{1,4}[A-Za-z0-9+/=._~-]{8,}+)"
)
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>]{1,500}(?=@)")
"""``user:password@`` of a URL."""
_ORACLE = re.compile(r"(?<=:oracle:)\w{2,6}:[^\s/@\"']{1,64}/[^\s/@\"']{1,64}(?=@)")
"""``jdbc:oracle:thin:user/password@host``."""
_USER_AT = re.compile(
    r"[A-Za-z0-9](?<![\w.-][A-Za-z0-9])[\w.-]{0,63}:[^\s:@/\"'<>]{3,128}(?=@(?:tcp\(|unix\(|[\w.-]{1,255}:\d{2,5}\b))"
)
"""``user:password@`` before a host with a port, without a scheme; before ``tcp(`` of Go's MySQL driver."""
_BOT = re.compile(r"\d(?<![\w.-]\d)\d{5,11}:AA[\w-]{8,}+|(?<=bot)\d{6,12}:AA[\w-]{8,}+")
"""Telegram."""
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{12,}+")
_LONG = 24
"""A run of so many characters that no word is; shorter ones have to be made of more."""
_ORDINARY = re.compile(
    r"(?:(?:v?\d{1,10}|[a-z]{0,16}+(?:[A-Z][a-z]{1,15}+){0,4}\d{0,4}|[A-Z]{0,16}\d{0,6})(?:[/_=+-]++|\Z))++"
)
"""Words and numbers with signs between them: paths, names of files, what a title becomes in a URL."""
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_LETTER = re.compile("[A-Za-z]")
_DIGIT = re.compile("[0-9]")
_SIGNS = re.compile(r"[/_=+-]")
_SHORT = 12
_MADE_SHARE = 0.4
"""Changes between kinds of characters, of all characters: no name of a thing has so many."""
_MADE_SHARE_SHORT = 0.6
"""The same of runs of fewer than 16 characters."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_USER_PASSWORD = re.compile(rb"[\x21-\x39\x3b-\x7e]{1,64}:[\x20-\x7e]{3,}")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s:,.\\-]{0,20000}+")
_CARD = re.compile(r"\d(?<![\w.-]\d)\d{3}(?:[ -]?\d){8,15}(?![\w-])")
_NATIONAL = re.compile(r"\d(?<![\w-]\d)(?:\d{5}-[1-8]\d{6}|\d\d-\d{2}-\d{4})(?![\w-])")
"""A Korean resident registration number, a US social security number."""
_PHONE = re.compile(r"\+(?<![\w.+-]\+)\d{1,3}[ -]?(?:\(?\d{1,4}\)?[ -]?){2,5}\d{2,4}(?![\w-])")
_KOREAN_MOBILE = re.compile(r"0(?<![\w.+-]0)1[016789]-?\d{3,4}-?\d{4}(?![\w-])")
_MAIL = re.compile(
    r"[\w.%+-](?<![\w.%+-][\w.%+-])[\w.%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![\w-])"
)
_IBAN = re.compile(
    r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z]\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)
_MIXED_SHARE = 0.35
_URL_SAFE = str.maketrans("-_", "+/")


def is_card(digits: str) -> bool:
    """Whether 13 to 19 digits are a payment card's number: its first digits and Luhn's check digit."""
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456" or len(set(digits)) < 2:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    number = "".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(number) % 97 == 1


def _is_key(run: str) -> bool:
    """No word that long has digits and letters, or changes between small and capital letters so often."""
    if len(run) < _LONG:
        if run.islower():
            return False
        return any(map(_is_made_of_all, _SIGNS.split(run))) or _is_user_password(run)
    letters = _LETTER.search(run) is not None
    if letters and _DIGIT.search(run):
        return _ORDINARY.fullmatch(run) is None or _UUID.fullmatch(run) is not None
    changes = sum(a.islower() != b.islower() for a, b in pairwise(run))
    return letters and changes > _MIXED_SHARE * len(run)


def is_made(value: str) -> bool:
    """Whether a value of 10 characters and more was made by a machine, of letters and digits in turn."""
    return (
        10 <= len(value) <= 200
        and value.isalnum()
        and not value.isalpha()
        and not value.isdigit()
        and (len(_PIECE.findall(value)) >= _MADE_SHARE * len(value))
    )


def _is_made_of_all(run: str) -> bool:
    """Small and capital letters and digits in turn."""
    if len(run) < _SHORT or run.isalpha() or run.isupper() or run.islower() or run.isdigit():
        return False
    share = len(_PIECE.findall(run)) / len(run)
    return share >= (_MADE_SHARE if len(run) >= 16 else _MADE_SHARE_SHORT)


def _is_user_password(run: str) -> bool:
    """``user:password`` as Basic credentials write it (RFC 7617 §2)."""
    if _BASE64.fullmatch(run) is None:
        return False
    padded = run.rstrip("=").translate(_URL_SAFE)
    try:
        plain = b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except ValueError:
        return False
    return _USER_PASSWORD.fullmatch(plain) is not None


def _is_card_text(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return is_card(digits) or (len(digits) in (15, 16) and digits != text)


def _any(_text: str) -> bool:
    return True


_Shape = tuple[re.Pattern[str], str, int, Callable[[str], bool]]
"""With a text that every match has or stands beside, the fewest characters of a match, and a check."""
_BESIDE_AT: tuple[_Shape, ...] = (
    (_USERINFO, "://", 5, _any),
    (_ORACLE, ":oracle:", 15, _any),
    (_USER_AT, ":", 9, _any),
    (_MAIL, "@", 6, _any),
)
_SHAPES: tuple[_Shape, ...] = (
    (_PEM, "-----BEGIN ", 20, _any),
    (_SCHEME, "", 14, _any),
    (_KEY_IDS, "", 11, _any),
    (_BOT, ":AA", 17, _any),
    (_RUN, "", 12, _is_key),
    (_CARD, "", 12, _is_card_text),
    (_IBAN, "", 12, _is_iban),
    (_NATIONAL, "-", 11, _any),
    (_PHONE, "+", 6, _any),
    (_KOREAN_MOBILE, "01", 10, _any),
)
_SHORTEST = min(shortest for _, _, shortest, _ in (*_BESIDE_AT, *_SHAPES))
_HARMLESS = re.compile(r"[^@+]{0,9}|[^@\d]{0,9}")
"""Too short for all shapes but those with ``@``, and those with ``+`` and digits."""


def without_secret_shapes(text: str, put: str) -> tuple[str, int]:
    """``text`` with ``put`` for what looks like a secret, and how many there were."""
    if len(text) < _SHORTEST or _HARMLESS.fullmatch(text):
        return text, 0
    count = 0
    for pattern, needed, shortest, holds in (*_BESIDE_AT, *_SHAPES) if "@" in text else _SHAPES:
        if len(text) < shortest or needed not in text:
            continue

        def replaced(match: re.Match[str], holds: Callable[[str], bool] = holds) -> str:
            nonlocal count
            if not holds(match[0]):
                return match[0]
            count += 1
            return put

        text = pattern.sub(replaced, text)
    return text, count
