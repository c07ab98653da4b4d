"""What a person answers: from the mock ML service's oracle, or as the service's profile tells."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.service import ANSWER, ServiceProfile
from devenv.core.model.vocabulary import Answer, CaptchaType
from devenv.harness.client.exchanges import Challenge, Submission


class UnreadableChallenge(EnvironmentProblem):
    """A challenge has not the fields that its kind of challenge has: its answer is not known."""


ABSTRACT_IMAGES = range(9)
GRID_CELLS = range(1, 10)
_CATALOGUE = "/catalog"


@dataclass(slots=True)
class _Oracle:
    """The mock ML service's oracle, asked once per question: the pictures never change within a stack."""

    http: httpx.AsyncClient
    known: dict[tuple[str, str | None], asyncio.Future[Mapping[str, Any]]] = field(default_factory=dict)
    """A question that is being asked is in it too: simultaneous visitors share the answer."""
    classes: Mapping[str, str] | None = None
    """By path: the class of each single picture in the catalogue."""

    async def ask(self, url: str, label: str | None = None) -> Mapping[str, Any]:
        """Raises UnreadableChallenge for what is no URL, EnvironmentProblem where nothing answers."""
        path = _path(url)
        params = {"url": path} if label is None else {"url": path, "label": label}
        return await self._once((path, label), "/oracle", params)

    async def pictures(self) -> Mapping[str, Any]:
        """The catalogue."""
        return await self._once((_CATALOGUE, None), _CATALOGUE, {})

    async def shown(self, url: str) -> Mapping[str, Any]:
        """What the picture of one thing shows, as ``ask`` says it, at least its ``class``.

        One request for the whole catalogue tells of every picture in it: a challenge has nine.
        """
        if self.classes is None:
            self.classes = {
                path: kind["name"]
                for kind in (await self.pictures()).get("classes", ())
                for path in (*kind["images"], *kind["handwriting"])
            }
        name = self.classes.get(_path(url))
        return await self.ask(url) if name is None else {"class": name}

    async def _once(
        self, question: tuple[str, str | None], path: str, params: Mapping[str, str]
    ) -> Mapping[str, Any]:
        answer = self.known.get(question)
        if answer is None:
            answer = self.known[question] = asyncio.ensure_future(self._get(path, params))
        try:
            return await asyncio.shield(answer)
        except BaseException:
            if answer.done():
                self.known.pop(question, None)  # the next visitor asks again
            raise

    async def _get(self, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            response = await self.http.get(path, params=dict(params))
        except httpx.TransportError as error:
            raise EnvironmentProblem(
                f"the mock ML service at {self.http.base_url} does not answer ({type(error).__name__})",
                hint="start a stack with 'devenv up', or look at 'devenv logs mock-ml'",
            ) from error
        if response.status_code != 200:
            raise EnvironmentProblem(
                f"mock ML answered {response.status_code} to {response.url}: {response.text[:200]}",
                hint="answers are known only for challenges built from this stack's own pictures",
            )
        data: Mapping[str, Any] = response.json()
        return data


class Answers:
    """The answers to the challenges of a service that is spoken to as ``profile`` says.

    ``ml`` speaks to the mock ML service; ``seed`` picks among wrong answers.
    """

    def __init__(self, profile: ServiceProfile, ml: httpx.AsyncClient, seed: int) -> None:
        self._profile = profile
        self._oracle = _Oracle(ml)
        self._seed = seed
        self._words: dict[str | None, str] = {}

    async def created(self, challenge: Challenge) -> None:
        """Note a new challenge: a pod with USE_REDIS=false judges handwriting against its latest word."""
        if challenge.type == CaptchaType.HANDWRITING and self._known:
            self._words[challenge.served_by] = await self.word(challenge)

    async def to(self, challenge: Challenge, answer: Answer | Sequence[int]) -> Submission:
        """What a person answers: the right answer from the oracle, one that cannot be right, or none.

        A wrong selection is the complement of the right one, so it is never right by luck; a wrong word is
        neither this challenge's nor the latest one of any pod (a pod with USE_REDIS=false judges against
        its latest). Explicit selections are sent as they are.
        """
        if not isinstance(answer, Answer):
            if challenge.type == CaptchaType.HANDWRITING:
                raise UsageProblem("a handwriting challenge is answered with a picture, not with selections")
            return {"selections": list(answer)}
        if not self._known:
            return self._configured_answer(challenge, answer)
        if challenge.type == CaptchaType.HANDWRITING:
            return {"image_base64": await self._drawing(challenge, answer)}
        if answer is Answer.EMPTY:
            return {"selections": []}
        right = await self._right_selection(challenge)
        if answer is Answer.RIGHT:
            return {"selections": right}
        every = ABSTRACT_IMAGES if challenge.type == CaptchaType.ABSTRACT else GRID_CELLS
        return {"selections": [item for item in every if item not in right]}

    async def word(self, challenge: Challenge) -> str:
        """The word that a handwriting challenge asks for, by the oracle's reading of its samples."""
        samples = challenge.raw.get("samples") or []
        if not samples:
            raise UnreadableChallenge(f"challenge {challenge.short} has no samples to tell its word from")
        return str(_of(await self._oracle.shown(_sample(challenge)), "class", challenge))

    async def catalogue(self) -> Mapping[str, Any]:
        """The mock ML service's list of pictures, as ``GET /catalog`` gives it."""
        return await self._oracle.pictures()

    async def picture(self, sample: str) -> str:
        """The picture of handwriting at this address, in base64."""
        return str((await self._oracle.ask(sample))["image_base64"])

    async def _drawing(self, challenge: Challenge, answer: Answer) -> str:
        if answer is Answer.EMPTY:
            return ""
        if answer is Answer.RIGHT:
            url = _sample(challenge)
        else:
            word = await self.word(challenge)
            classes = (await self.catalogue())["classes"]
            current = list(self._words.values())
            others = [c for c in classes if c["name"] != word and c["name"] not in current]
            if not others:
                raise EnvironmentProblem(
                    "every known word is some pod's current word: no word is surely wrong"
                )
            url = str(others[self._seed % len(others)]["handwriting"][0])
        return await self.picture(url)

    async def _right_selection(self, challenge: Challenge) -> list[int]:
        raw = challenge.raw
        try:
            if challenge.type == CaptchaType.IMAGEGRID:
                url, label = str(raw["url"]), str(raw["target_label"])
            else:
                images = [(str(image["url"]), int(image["id"])) for image in raw["images"]]
                label = raw["target_class"]
        except _NOT_THERE as error:
            raise _unreadable(challenge) from error
        if challenge.type == CaptchaType.IMAGEGRID:
            return sorted(_of(await self._oracle.ask(url, label), "correct_cells", challenge))
        known = await asyncio.gather(*(self._oracle.shown(url) for url, _ in images))
        return sorted(
            number
            for (_, number), item in zip(images, known, strict=True)
            if _of(item, "class", challenge) == label
        )

    @property
    def _known(self) -> bool:
        """Whether the mock ML service knows the right answers."""
        return self._profile.oracle == "mock-ml"

    def _configured_answer(self, challenge: Challenge, answer: Answer) -> Submission:
        """The answer of the profile, as it is not known here what the challenge asks."""
        kind = self._profile.kind(challenge.type)
        answers = kind.answers
        if not self._profile.knows(kind, answer):
            where = "" if kind.takes_answer else f' with "{ANSWER}" in the body of its verify'
            raise UsageProblem(
                f"it is not known what a {answer} answer is to this service's {challenge.type} challenges",
                hint=f"known: {', '.join(answers) or ('none' if kind.takes_answer else 'wrong')}; "
                f"add profile.kinds.{challenge.type}.answers{where}",
            )
        return {"answer": answers[answer] if kind.takes_answer else None}


_NOT_THERE = (LookupError, TypeError, ValueError, OverflowError)
"""What reading a field of foreign JSON raises where it is missing or of another kind."""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError as error:
        raise UnreadableChallenge(f"a challenge names a picture by no URL: {url[:100]!r}") from error


def _sample(challenge: Challenge) -> str:
    try:
        return str(challenge.raw["samples"][0])
    except _NOT_THERE as error:
        raise _unreadable(challenge) from error


def _of(picture: Mapping[str, Any], name: str, challenge: Challenge) -> Any:
    """What the oracle says of a picture; one of another kind of challenge has no such field."""
    if name not in picture:
        raise UnreadableChallenge(f"challenge {challenge.short} has pictures of another kind of challenge")
    return picture[name]


def _unreadable(challenge: Challenge) -> UnreadableChallenge:
    return UnreadableChallenge(
        f"challenge {challenge.short} is not as a {challenge.type} challenge is: its fields are "
        + (", ".join(map(str, challenge.raw)) or "none")
    )
