"""demo.

What it shows and plays with is imported while its stack starts: only what the start needs is imported here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from devenv.cli.early_imports import importing
from devenv.cli.grouped import grouped
from devenv.cli.options import (
    BalancerOption,
    ColdOption,
    CommandContext,
    Common,
    RedisOption,
    StoreName,
    store,
)
from devenv.core.model.backends import Language
from devenv.core.model.vocabulary import Strategy
from devenv.verbs.demo.setting import DEFAULT_TRIALS, FIRST_FIX
from devenv.verbs.demo.usecase import run_demo

if TYPE_CHECKING:
    from devenv.verbs.demo.acts import Observer


class LanguageName(StrEnum):
    """English or Korean."""

    EN = "en"
    KO = "ko"


@grouped
def demo(
    trials: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Sequences per captcha type and kind.")
    ] = DEFAULT_TRIALS,
    strategy: Annotated[
        StoreName | None,
        typer.Option("--strategy", help=f"The store of the second act [default: {FIRST_FIX}]."),
    ] = None,
    language: Annotated[
        LanguageName | None,
        typer.Option(
            "--lang", envvar="DEVENV_LANG", help="Language of texts and report [default: the locale's]."
        ),
    ] = None,
    redis: RedisOption = None,
    balancer: BalancerOption = None,
    cold: ColdOption = None,
    *,
    common: Common,
) -> None:
    """The whole story on a fresh stack: the bug on all three captchas, the fix, its race, and its cure.

    With a devenv.toml here it is about your own service: its sessions on another pod, without Redis and with.
    """
    context = common.context(language=cast("Language | None", language and language.value), redis=redis,
        cold=cold, balancer=balancer,
    )  # fmt: skip
    if context.settings.service is not None:
        from devenv.cli.commands.demo.own_service import demo_own

        raise typer.Exit(demo_own(context, context.settings.service, trials))
    with importing("devenv.cli.commands.demo.screen"):
        code = _tell(context, trials, store(strategy) or FIRST_FIX)
    if code:
        raise typer.Exit(code)


def _tell(context: CommandContext, trials: int, strategy: Strategy) -> int:
    language = context.settings.language

    def observer() -> Observer:
        from devenv.cli.commands.demo.screen import terminal_observer

        return terminal_observer(context.screen, language)

    with context.screen.working("demo") as progress:
        done = run_demo(
            context.settings, trials=trials, strategy=strategy, observer=observer, progress=progress
        )
    from devenv.cli.commands.demo.screen import show_demo

    return show_demo(done, language, context.screen)
