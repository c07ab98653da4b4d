"""What looks like a secret, whatever it is called. Pure; every pattern is linear in the length of the text.

The formats are those that their makers publish (prefixes of keys), RFC 7519 (JWT), RFC 7617 (Basic), ISO
13616 (IBAN, its check by 97), ISO/IEC 7812 (cards, Luhn's check digit), and the ideas of detect-secrets
and gitleaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

_KEY_IDS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA|LTAI)[A-Z0-9]{12,20}"  # Amazon, Alibaba
    r"|AIza[\w-]{30,40}|ya29\.[\w-]{10,}+|GOCSPX-[\w-]{10,}+|1//0[\w-]{20,}+"  # Google
    r"|gh[pousr]_\w{16,}+|github_pat_\w{16,}+|gl(?:pat|ptt|dt|rt|cbt)-[\w-]{16,}+"  # GitHub, GitLab
    r"|xox[a-z]-[\w-]{8,}+|xapp-[\w-]{8,}+"  # Slack
    r"|[spr]k[-_](?:live|test|proj|ant|or|svcacct)[-_][\w-]{8,}+"  # Stripe, models
    r"|sk-[\w-]{16,}+|whsec_\w{8,}+"
    r"|SG\.[\w-]{8,}+\.[\w-]{8,}+|key-[0-9a-z]{16,}+|re_\w{16,}+"  # SendGrid, Mailgun, Resend
    r"|npm_\w{16,}+|pypi-[\w-]{16,}+|hf_\w{16,}+|do[opr]_v1_\w{16,}+|dckr_pat_[\w-]{16,}+|shp(?:at|ca|pa|ss)_\w{16,}+"
    r"|hv[sbr]\.[\w-]{16,}+|sq0[a-z]{3}-[\w-]{16,}+|EAAC\w{16,}+|ATATT\w{16,}+|NRAK-\w{16,}+|PMAK-[\w-]{16,}+"
    r"|lin_api_\w{16,}+|secret_\w{16,}+|ntn_\w{16,}+|AGE-SECRET-KEY-1\w{16,}+|figd_[\w-]{16,}+|eyJ[\w-]{8,}+[\w.-]*+"
    r")"
)
_SCHEME = re.compile(
    r"(?i)\b(?:bearer|basic|negotiate|digest)\s{1,4}(?=\S{0,200}[\d=._/+-]|[a-z0-9+/]{20})[A-Za-z0-9+/=._~-]{8,}+"
    r"|(?<![a-z])(?:bearer)\s{1,4}[A-Za-z0-9+/=._~-]{8,}+"
)
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>]{1,500}(?=@)")
"""``user:password@`` of a URL."""
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{24,}+")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s:,.\\-]{0,20000}+")
_CARD = re.compile(r"(?<![\w.-])\d{4}(?:[ -]?\d){8,15}(?![\w-])")
_NATIONAL = re.compile(r"(?<![\w-])(?:\d{6}-[1-8]\d{6}|\d{3}-\d{2}-\d{4})(?![\w-])")
"""A Korean resident registration number, a US social security number."""
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ -]?(?:\(?\d{1,4}\)?[ -]?){2,5}\d{2,4}|01[016789]-?\d{3,4}-?\d{4})(?![\w-])"
)
_MAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![\w-])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
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


_SHAPES: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (_PEM, lambda _: True),
    (_USERINFO, lambda _: True),
    (_SCHEME, lambda _: True),
    (_KEY_IDS, lambda _: True),
    (_MAIL, lambda _: True),
    (_RUN, _is_key),
    (_CARD, _is_card_text),
    (_IBAN, _is_iban),
    (_NATIONAL, lambda _: True),
    (_PHONE, lambda _: True),
)


def without_secret_shapes(text: str, put: str) -> tuple[str, int]:
    """``text`` with ``put`` for what looks like a secret, and how many there were."""
    count = 0
    for pattern, holds in _SHAPES:

        def replaced(match: re.Match[str], holds: Callable[[str], bool] = holds) -> str:
            nonlocal count
            if not holds(match[0]):
                return match[0]
            count += 1
            return put

        text = pattern.sub(replaced, text)
    return text, count
