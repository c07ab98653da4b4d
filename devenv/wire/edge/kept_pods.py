"""The pods of Compose's ``proxy`` container in a file that outlives its process: what ``devenv scale`` made.

The container's variables name the pods that it was made with. Where it restarts (``docker compose restart
proxy``) the pods that run are those of the last change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devenv.core.model.errors import EnvironmentProblem

VARIABLES = ("DEVENV_PODS", "DEVENV_POLICY")
"""What the container was made with; with others the file is that of another container."""


@dataclass(frozen=True, slots=True)
class KeptPods:
    """The file, in a folder that outlives the process."""

    file: Path | None
    """None: nothing is kept."""
    made_with: Mapping[str, str]
    """The variables that say the first pods."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> KeptPods:
        """By the variable DEVENV_KEPT_PODS."""
        text = environ.get("DEVENV_KEPT_PODS", "")
        made_with = {name: environ.get(name, "") for name in VARIABLES}
        return cls(Path(text) if text else None, made_with)

    def write(self, pods: Sequence[str], policy: str) -> None:
        """Keep these pods and the proxy's policy. Raises EnvironmentProblem where that cannot be written."""
        if self.file is None:
            return
        text = json.dumps({"made_with": self.made_with, "pods": list(pods), "policy": policy})
        new = self.file.with_suffix(".new")
        try:
            new.write_text(text, encoding="utf-8")
            new.replace(self.file)
        except OSError as error:
            raise EnvironmentProblem(
                f"the pods cannot be kept in {self.file}: {error.strerror}",
                hint="build the proxy's image anew: docker compose build proxy",
            ) from error

    def read(self) -> tuple[list[str], str] | None:
        """The pods and the policy; None where none were kept for this container."""
        try:
            kept = json.loads(self.file.read_text(encoding="utf-8")) if self.file is not None else {}
        except (FileNotFoundError, ValueError):
            return None
        if kept.get("made_with") != self.made_with:
            return None
        return [str(pod) for pod in kept["pods"]], str(kept["policy"])
