"""What happened in a run or on a running stack, in pictures, and why, with the setting to change."""

from devenv.lab.explain.explanation import Explanation, Group, explain_trace
from devenv.lab.explain.picture import picture
from devenv.lab.explain.source import explain_file, explain_run, explain_word

__all__ = [
    "Explanation",
    "Group",
    "explain_file",
    "explain_run",
    "explain_trace",
    "explain_word",
    "picture",
]
