"""The service's environment variables, read once and strictly."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from devenv.core.model.migration import DECIDED_BY_REDIS, STAGES, MigrationStrategy, Stage


def _flag(value: Any) -> Any:
    """Only true and false, in any case: ``USE_REDIS=1`` meaning false is a trap that others fell into."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "false"):
        return word == "true"
    raise ValueError("must be true or false")


def _empty_is_unset(value: Any) -> Any:
    return None if value == "" else value


def _auto_or_flag(value: Any) -> Any:
    word = str(value).strip().lower()
    if word in ("auto", "true", "false"):
        return word
    raise ValueError("must be auto, true or false")


def _integer(value: Any) -> Any:
    text = str(value).strip()
    if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit():
        raise ValueError("must be an integer")
    return int(text)


Flag = Annotated[bool, BeforeValidator(_flag)]
Optional = BeforeValidator(_empty_is_unset)
Integer = BeforeValidator(_integer)


class Settings(BaseSettings):
    """One field per variable, in lower case: ``use_redis`` is ``USE_REDIS``.

    An empty variable is an unset one, except for the flags and the integers, where it is an error: a service
    that starts with a wrong setting is harder to find than one that does not start.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    use_redis: Flag = False
    redis_host: Annotated[str | None, Optional] = None
    redis_port: Annotated[int, Integer, Field(ge=1, le=65535)] = 6379
    redis_db: Annotated[int, Integer, Field(ge=0)] = 0
    redis_username: Annotated[str | None, Optional] = None
    redis_password: Annotated[SecretStr | None, Optional] = None
    redis_ssl: Flag = False
    redis_ca_certs: Annotated[str | None, Optional] = None
    redis_cluster: Annotated[Literal["auto", "true", "false"], BeforeValidator(_auto_or_flag)] = "auto"
    redis_prefix: str = "rcaptcha:"
    redis_timeout_ms: Annotated[int, Integer, Field(ge=1)] = 2000
    captcha_ttl: Annotated[int, Integer, Field(ge=1)] = 60
    ml_service_url: str = "http://localhost:8001"
    asset_base_url: Annotated[str | None, Optional] = None
    abstract_hmac_secret: Annotated[SecretStr | None, Optional] = None
    ocr_image_field: str = "file"
    success_redirect_url: Annotated[str | None, Optional] = None
    session_strategy: Literal["atomic", "guide", "watch", "getdel", "incr"] = "atomic"
    guide_errors: Literal["raise", "swallow"] = "raise"
    specimen: Literal["", "half-migration"] = ""
    migration_strategy: Annotated[MigrationStrategy | None, Optional] = None
    migration_stage: Annotated[Stage | None, Optional] = None
    migration_token: Annotated[SecretStr | None, Optional] = None
    pod_name: str = "captcha-api"

    @model_validator(mode="after")
    def _redis_needs_a_host(self) -> Settings:
        if self.use_redis and not self.redis_host:
            raise ValueError("USE_REDIS=true needs REDIS_HOST")
        return self

    @model_validator(mode="after")
    def _cluster_fits(self) -> Settings:
        if not self.use_redis or self.redis_cluster != "true":
            return self
        if self.redis_db:
            raise ValueError(
                f"REDIS_CLUSTER=true needs REDIS_DB=0, not {self.redis_db}: a cluster has no other"
            )
        if self.session_strategy not in ("atomic", "guide"):
            raise ValueError(f"REDIS_CLUSTER=true: the {self.session_strategy} store has no cluster client")
        return self

    @model_validator(mode="after")
    def _migration_fits(self) -> Settings:
        strategy, stage = self.migration_strategy, self.migration_stage
        if strategy is None:
            if stage is not None:
                raise ValueError(f"MIGRATION_STAGE={stage} needs MIGRATION_STRATEGY")
            return self
        if stage not in STAGES[strategy]:
            raise ValueError(
                f"MIGRATION_STRATEGY={strategy} needs MIGRATION_STAGE, one of {', '.join(STAGES[strategy])}"
            )
        if self.use_redis != (stage in DECIDED_BY_REDIS):
            wanted = str(not self.use_redis).lower()
            raise ValueError(f"MIGRATION_STAGE={stage} needs USE_REDIS={wanted}: the flag governs births")
        if not self.redis_host:
            raise ValueError(f"MIGRATION_STRATEGY={strategy} needs REDIS_HOST")
        if self.session_strategy != "atomic":
            raise ValueError(f"MIGRATION_STRATEGY={strategy} needs SESSION_STRATEGY=atomic")
        return self

    @property
    def redis_timeout(self) -> float:
        """REDIS_TIMEOUT_MS in seconds."""
        return self.redis_timeout_ms / 1000.0

    @property
    def password(self) -> str | None:
        """REDIS_PASSWORD in the clear, for the client only."""
        return self.redis_password.get_secret_value() if self.redis_password else None

    @property
    def ml_url(self) -> str:
        """ML_SERVICE_URL without a trailing slash."""
        return self.ml_service_url.rstrip("/")

    @property
    def asset_url(self) -> str:
        """What the pictures' paths are prefixed with: ASSET_BASE_URL, else ML_SERVICE_URL."""
        return (self.asset_base_url or self.ml_service_url).rstrip("/")


def explain(error: ValidationError) -> str:
    """One line that names every wrong variable with its value (secrets excepted) and what it must be."""
    parts = []
    for problem in error.errors():
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:
            parts.append(message)
            continue
        name = str(problem["loc"][0]).upper()
        secret = any(word in name for word in ("PASSWORD", "SECRET", "TOKEN"))
        shown = "" if secret else f"={os.environ.get(name, str(problem['input']))!r}"
        parts.append(f"{name}{shown}: {message}")
    return "captcha-api cannot start: " + "; ".join(parts)


def load_or_exit() -> Settings:
    """The settings; where they are wrong, one line on stderr and exit code 2."""
    try:
        return Settings()
    except ValidationError as error:
        _exit(explain(error))


def _exit(line: str) -> NoReturn:
    print(line, file=sys.stderr, flush=True)
    raise SystemExit(2)
