"""Manifests as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from devenv.core.kubernetes.parts import Manifest

HEADER = "# Made by `devenv export k8s`."


class _Dumper(yaml.SafeDumper):
    """Says everything where it stands: no anchors and aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_yaml(manifests: Sequence[Manifest], notes: Sequence[str] = ()) -> str:
    """One YAML stream under the header and ``notes``, which become comments; the order is kept."""
    comments = [HEADER, *(f"# {note}".rstrip() for note in notes)]
    documents = [
        yaml.dump(
            manifest, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=110
        )
        for manifest in manifests
    ]
    return "\n".join(comments) + "\n" + "---\n".join(documents)


def file_name(manifest: Manifest) -> str:
    """The file of one object: ``deployment-captcha-api.yaml``."""
    return f"{manifest['kind'].lower()}-{manifest['metadata']['name']}.yaml"
