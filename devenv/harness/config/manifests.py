"""Kubernetes manifests on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from devenv.core.model.yaml_lines import Document, read_manifests
from devenv.stack.files import read_text

_ENDINGS = (".yaml", ".yml")


def manifest_documents(paths: Sequence[Path]) -> list[Document]:
    """The documents of all files together, of a folder its ``.yaml`` and ``.yml`` files.

    Raises UsageProblem for a file that cannot be read, with the line where that is known.
    """
    files = [file for path in paths for file in (_files(path) if path.is_dir() else [path])]
    return [document for file in files for document in read_manifests(read_text(file), str(file))]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS)
