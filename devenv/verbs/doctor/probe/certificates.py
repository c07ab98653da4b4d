"""What an X.509 certificate says. Needs the package cryptography (the extra ``tls``)."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from devenv.core.doctor_rules.facts import Certificate

_SECONDS_PER_DAY = 86400.0


def read_certificate(der: bytes, now: datetime) -> Certificate | None:
    """What a certificate in DER says, with the days that are left at ``now``; None where it is none."""
    try:
        held = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    try:
        extension = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = extension.get_values_for_type(x509.DNSName)
        names += [str(item) for item in extension.get_values_for_type(x509.IPAddress)]
    except x509.ExtensionNotFound:
        names = []
    end = held.not_valid_after_utc
    return Certificate(
        _name(held.subject) or ", ".join(names) or "no name",
        _name(held.issuer) or "no name",
        end.strftime("%Y-%m-%d %H:%M UTC"),
        (end - now).total_seconds() / _SECONDS_PER_DAY,
        tuple(names),
    )


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()
