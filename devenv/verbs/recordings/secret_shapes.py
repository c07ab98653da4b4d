"""What looks like a secret, whatever it is called. Pure; every pattern is linear in the length of the text.

The formats are those that their makers publish (prefixes of keys), RFC 7519 (JWT), RFC 7617 (Basic), ISO
13616 (IBAN, its check by 97), ISO/IEC 7812 (cards, Luhn's check digit), and the ideas of detect-secrets
and gitleaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

# Each pattern begins with a letter or a class and looks behind after that: the engine then skips what cannot
# begin a match at a tenth of the cost.
_KEY_ID_KINDS = {
    "A": r"(?:KIA|SIA|GPA|IDA|ROA|IPA|NPA|NVA|BIA|CCA)[A-Z0-9]{12,20}"  # Amazon
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
    "S": r"G\.[\w-]{8,}+\.[\w-]{8,}+",  # SendGrid
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
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{24,}+")
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
    letters = any(character.isalpha() for character in run)
    if letters and any(character.isdigit() for character in run):
        return True
    changes = sum(a.islower() != b.islower() for a, b in pairwise(run))
    return letters and changes > _MIXED_SHARE * len(run)


def _is_card_text(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return is_card(digits) or (len(digits) in (15, 16) and digits != text)


def _any(_text: str) -> bool:
    return True


_SHAPES: tuple[tuple[re.Pattern[str], str, int, Callable[[str], bool]], ...] = (
    (_PEM, "-----BEGIN ", 20, _any),
    (_USERINFO, "://", 5, _any),
    (_ORACLE, ":oracle:", 15, _any),
    (_SCHEME, "", 14, _any),
    (_KEY_IDS, "", 11, _any),
    (_MAIL, "@", 6, _any),
    (_RUN, "", 24, _is_key),
    (_CARD, "", 12, _is_card_text),
    (_IBAN, "", 12, _is_iban),
    (_NATIONAL, "-", 11, _any),
    (_PHONE, "+", 6, _any),
    (_KOREAN_MOBILE, "01", 10, _any),
)
"""Each with a text that every match has or stands beside, the fewest characters of a match, and a check."""
_SHORTEST = min(shortest for _, _, shortest, _ in _SHAPES)
_HARMLESS = re.compile(r"[^@+/]{0,9}")
"""Too short for all shapes but those with ``@``, ``+`` or ``://``."""


def without_secret_shapes(text: str, put: str) -> tuple[str, int]:
    """``text`` with ``put`` for what looks like a secret, and how many there were."""
    if len(text) < _SHORTEST or _HARMLESS.fullmatch(text):
        return text, 0
    count = 0
    for pattern, needed, shortest, holds in _SHAPES:
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
