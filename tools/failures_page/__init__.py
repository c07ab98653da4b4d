"""The ledger of failures: the whole catalogue played on real pods, and the page that tells what happened."""

from tools.failures_page.measuring import answers, data_text, play_all, stack_kind
from tools.failures_page.page import render

__all__ = ["answers", "data_text", "play_all", "render", "stack_kind"]
