"""How a captcha-api is spoken to and understood: the ``captcha`` preset's paths, fields and outcomes."""

from __future__ import annotations

from collections.abc import Mapping

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import CaptchaType

VERIFY_PATHS: Mapping[CaptchaType, str] = {
    CaptchaType(name): kind.verify.path for name, kind in CAPTCHA.kinds.items()
}
CHALLENGE_FIELD = CAPTCHA.id_field

outcome_of = CAPTCHA.outcome
