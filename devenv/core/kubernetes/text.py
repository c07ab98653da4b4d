"""Manifests as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from devenv.core.kubernetes.parts import Manifest
from devenv.core.kubernetes.scalars import needs_quotes
from devenv.core.render.visible import is_visible, one_line, visible

HEADER = "# Made by `devenv export k8s`."


class _Dumper(yaml.SafeDumper):
    """Writes every value in full, without anchors and aliases; every reader takes a text for a text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Quote what any reader takes for another type: ``12e3`` is text to PyYAML and a number to Go."""
        style = '"' if not is_visible(data) else "'" if needs_quotes(data) else None
        node: yaml.ScalarNode = self.represent_scalar("tag:yaml.org,2002:str", data, style=style)
        return node


_Dumper.add_representer(str, _Dumper.represent_str)


def to_yaml(manifests: Sequence[Manifest], notes: Sequence[str] = ()) -> str:
    """One YAML stream under the header and ``notes``, which become comments; the order is kept.

    Every character is visible: as an escape in double quotes where it is not by itself.
    """
    comments = [HEADER, *(f"# {one_line(note)}".rstrip() for note in notes)]
    documents = [
        yaml.dump(
            manifest, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=110
        )
        for manifest in manifests
    ]
    return "\n".join(comments) + "\n" + visible("---\n".join(documents))


def file_name(manifest: Manifest) -> str:
    """The file of one object: ``deployment-captcha-api.yaml``."""
    return f"{manifest['kind'].lower()}-{manifest['metadata']['name']}.yaml"
