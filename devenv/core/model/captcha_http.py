"""How a captcha-api is spoken to and understood: the ``captcha`` preset's paths, fields and outcomes."""

from __future__ import annotations

from collections.abc import Mapping

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import CaptchaType

CREATE_PATHS: Mapping[CaptchaType, str] = {
    CaptchaType(name): kind.create.path for name, kind in CAPTCHA.kinds.items()
}
VERIFY_PATHS: Mapping[CaptchaType, str] = {
    CaptchaType(name): kind.verify.path for name, kind in CAPTCHA.kinds.items()
}
CREATES: Mapping[str, CaptchaType] = {
    path: CaptchaType(name)
    for name, kind in CAPTCHA.kinds.items()
    for path in (kind.create.path, *kind.aliases)
}
VERIFIES: Mapping[str, CaptchaType] = {path: kind for kind, path in VERIFY_PATHS.items()}
CHALLENGE_FIELD = CAPTCHA.id_field

outcome_of = CAPTCHA.outcome
