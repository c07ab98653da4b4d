"""Which names of fields, parameters and headers are those of secrets or of a person's data. Pure.

The list was compared with the ideas of public rule sets (detect-secrets' KeywordDetector, gitleaks' generic
rules); names in Korean, German and some other languages are added.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_PARTS = r"""
    passwor[dt] passwd passphrase passcode secret token authori[sz]ation credential cookie csrf xsrf
    bearer signature apikey accesskey privatekey signingkey encryptionkey masterkey authkey servicekey
    accountkey subscriptionkey licensekey sharedkey storagekey sshkey sessid sessionkey sessiontoken
    connectionstring kennwort losungswort geheim zugangsdaten contrase[nñ]a motdepasse senha wachtwoord
    lösenord adgangskode salasana jelsz[oó] slapta[zž]od κωδικ contrasenya palavrapasse wagwoord lozinka
    gizlianahtar lykilor[ðd] nenosiri pasahitza סיסמ كلمةالمرور كلمةالسر รหสผาน पसवरड refreshtok
    haslo hasło parola [sş]ifre пароль matkhau mậtkhẩu katasandi claveacceso assertion codeverifier saml
    seedphrase mnemonic recoveryphrase keyphrase captcharesponse turnstileresponse presharedkey
    (?:verif\w{0,8}|confirm\w{0,6}|security|sms|auth\w{0,10}|recovery|backup|access|login|reset|unlock)code
    (?:email|mfa|user|device|activation|invit\w{0,5}|onetime|pin|fa|twofactor)code
    onetimepass onetimepin totp best[aä]e?tigungscode sicherheitscode zugangscode anmeldecode einmalcode
    freischaltcode
    e?mailaddress email phone mobilenum mobileno cellnum username loginname firstname lastname fullname
    surname givenname familyname maidenname middlename birth socialsecurity nationalid taxid passport
    driverslicen drivinglicen taxnum taxno vatnum contactnum contactno handynr aadhaar telefon
    rufnummer handynummer mobilnummer benutzername nachname vorname
    geburt sozialversicherung steuernummer ausweisnummer
    creditcard debitcard cardnum cardno cardcvc cardcvv ccnum accountnum accountno routingnum iban
    kreditkarte kartennummer kontonummer
    (?:security|recovery)(?:question)?answer memorable(?:word|answer|phrase) sicherheitsantwort
    보안답변 질문답변 respuesta(?:secreta|deseguridad) r[eé]ponsesecr[eè]te
    bankaccount sortcode cardholder cardexp ccexp swiftcode bankleitzahl
    비밀번호 비번 암호 패스워드 인증번호 인증코드 보안코드 확인코드 주민등록 주민번호 전화 휴대폰 핸드폰
    연락처 이메일 메일주소 생년월일 카드번호 계좌 여권번호 토큰 시크릿 개인키 인증키 아이디비번 성명 사용자명
    parool salasõna телефон メール 確認コード 確認番号 検証コード 认证码 swiftbic nhsnum medicare
    numerosant santenumero cardverif mothermaiden krankenversicher zugangsschl[uü]e?ssel
    личныйключ закрытыйключ приватныйключ
    contrasinal кодслово кодовоеслово секретноеслово identifiedby
    codicefiscale steuerid nationalinsurance burgerservice personn?ummer fødselsnummer henkilotunnus
    rodnéčíslo seguridadsocial sécuritésociale kimlikno identitynum idcard citizenid
    msisdn paymentkey billingkey pasword passw privkey clientkey consumerkey appkey databasekey dbkey
    requirepass masterauth
    creds
    wpnonce ajaxnonce cspnonce securitynonce formnonce restnonce loginnonce seedwords recoverywords
    mnemonicwords productkey activationkey serialkey cryptkey passkey hmackey rootpw adminpw userpw
    dbpw magiclink dbpass databasepass storepass userpass adminpass rootpass smtppass ftppass
    redispass sqlpass wifipass keypass authpass privpass streetaddress homeaddress billingaddress
    shippingaddress postaladdress insurancen licen[sc]eplate imei yanzhengma shenfenzheng bimilbeonho
    injeungbeonho juminbeonho pasuwado anshobango hemm?elig hemlig segret[oa] chaveacesso chavepix
    jetonacc apischl[uü]e?ssel apisleutel apichave apillave apicle geheimeschl clesecr clésecr
    llavepriv chavepriv schl[uü]e?sselgeheim privaterschl 驗證碼 密碼 手機 電話號 郵箱 信用卡 卡号
    卡號 令牌 密钥 密鑰 姓名 用户名 秘密 氏名 トークン シークレット カード番号 暗号 비밀키 핀번호
    운전면허 유효기간 패스코드 본인확인
    パスワード 暗証 認証コード 電話 メールアドレス 密码 口令 验证码 手机 电话 邮箱 身份证
"""
"""Anywhere in the name, which is read without its separators and digits: what proves an identity, codes that
are used once, identity numbers, money; other languages
(Thai and Hindi without their marks, which are no letters), Korean, Japanese, Chinese."""
_SINGLE = """
    pass pw pwd passwd psw passw auth jwt sid sig otp pin pan cvv cvc cvn csc cid2 tel mail dob ssn tan
    card cc jsessionid phpsessid oauth apikey mfa session hmac mdp clave tfa rrn bearer cookie
    passord kodeord heslo geslo parole pepper
    mima parol sjh yzm pswd dsn wpa snils cuit cuil nif
    mobile handy puk mtan psk pat otc tkn authz bic cpf pesel bsn nino dni curp cnpj sandi
"""
"""As a word of the name: between separators or changes of case."""
_ABOUT_WORDS = """
    type kind length len count limit max min size enabled required expires expiry expiration ttl policy
    strength method verified index format valid in at until used total usage remaining hint left age
"""
"""A number whose name has such a word tells about a secret: ``max_tokens``, ``expires_in``."""


_CODES = frozenset("code codigo codice kod kode koodi kood код".split())  # noqa: SIM905
_PROVING = (
    "verif", "confirm", "bestat", "segur", "secur", "sicher", "dogrula", "onay", "potwierdz", "weryfik",
    "potvrd", "potvrz", "подтв", "вериф",
)  # fmt: skip
"""Beginnings of words that make a code one that is used once: ``codigo_de_verificación``."""
_NO_CODE = frozenset("status error response http exit return result country postal zip".split())  # noqa: SIM905
_NOT_DECOMPOSED = str.maketrans("łøđıæ", "lodia")
"""Letters with a stroke or without a point, which Unicode does not take apart."""


def _without_accents(text: str) -> str:
    """``parolă`` as ``parola``: people write names in both ways. Letters of Korean stay whole."""
    apart = unicodedata.normalize("NFD", text.translate(_NOT_DECOMPOSED))
    kept = "".join(character for character in apart if not unicodedata.combining(character))
    return unicodedata.normalize("NFC", kept)


def _by_first_letter(parts: list[str]) -> str:
    """A pattern that matches what one of ``parts`` does, with the parts of one first letter in one group.

    Beside a flat list of alternatives it costs about a tenth: most are left out by one comparison.
    """
    groups: dict[str, list[str]] = {}
    others = []
    for part in parts:
        if part[0].isalpha() and part[1] != "?":
            groups.setdefault(part[0], []).append(part[1:])
        else:
            others.append(part)
    return "|".join([*(f"{first}(?:{'|'.join(rest)})" for first, rest in groups.items()), *others])


_ANYWHERE = re.compile(
    _by_first_letter(list(dict.fromkeys([*_PARTS.split(), *map(_without_accents, _PARTS.split())])))
)
_WORDS = frozenset(_SINGLE.split())
_ABOUT = frozenset(_ABOUT_WORDS.split())
_ENDS_ONLY = frozenset(
    (
        "session",
        "card",
        "auth",
        "cc",
        "pass",
        "pin",
        "tan",
        "pan",
        "mail",
        "tel",
        "sig",
        "mobile",
        "handy",
        "pat",
    )
)
"""Words that are secret where the name ends with them, or with them and an id: no ``card_type``."""
_MORE = """
    id no num number nr value data key code confirm confirmation repeat again hash salt verify
    check input ticket header string blob proof compat legacy
    field new old address adresse addr nummer digits text
"""
_ID_WORDS = frozenset(_MORE.split())
_TWO_FACTORS = re.compile("(?<![a-z])2fa(?![a-z])")
_LOGIN = re.compile(
    r"(?i:log-?_?[io]n|sign-?_?(?:in|up)|authenticat|(?:change|set|reset|verify|check)\w{0,10}passw|register)"
)
_SPLIT = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*|[^\W\dA-Za-z_]+")
_LONGEST = 200


@lru_cache(maxsize=4096)
def _words_of(name: str) -> tuple[str, ...]:
    plain = (name if name.isascii() else unicodedata.normalize("NFKC", name))[:_LONGEST]
    return tuple(map(str.casefold, _SPLIT.findall(plain)))


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a value of this name is taken out, whatever it looks like.

    ``passwordConfirm``, ``user[password]``, ``passwords[]``, ``password1``, ``x-api-key``, ``비밀번호``.
    """
    if "2" in name and _TWO_FACTORS.search(name.casefold()):
        return True
    return _are_secret(_words_of(name)) or (
        not name.isascii() and _is_proving_code(_words_of(_without_accents(name)))
    )


@lru_cache(maxsize=4096)
def _are_secret(words: tuple[str, ...]) -> bool:
    """Whether these words are the name of a secret; many names differ by their numbers alone."""
    joined = "".join(words)
    if _ANYWHERE.search(joined):
        return True
    if not joined.isascii() and _ANYWHERE.search(_without_accents(joined)):
        return True
    if joined.isascii() and _is_proving_code(words):
        return True
    if _WORDS.isdisjoint(words):
        return False
    for place, word in enumerate(words):
        if word not in _WORDS:
            continue
        rest = words[place + 1 :]
        if word not in _ENDS_ONLY or all(other in _ID_WORDS for other in rest):
            return True
    return False


def _is_proving_code(words: Sequence[str]) -> bool:
    if _CODES.isdisjoint(words) or not _NO_CODE.isdisjoint(words):
        return False
    return any(word.startswith(_PROVING) for word in words)


@lru_cache(maxsize=4096)
def last_word(name: str) -> str:
    """The last word of a name: ``value`` of ``attributeValue``; "" where it has none."""
    return words[-1] if (words := _words_of(name)) else ""


def is_login(method: object) -> bool:
    """Whether the arguments of a method of this name are the credentials of a user: ``user.login``."""
    return isinstance(method, str) and len(method) <= _LONGEST and _LOGIN.search(method) is not None


@lru_cache(maxsize=4096)
def tells_about(name: str) -> bool:
    """Whether a number of this name tells about a secret and is none."""
    return not _ABOUT.isdisjoint(_words_of(name))
