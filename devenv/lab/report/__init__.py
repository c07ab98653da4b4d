"""Reports that open anywhere: one HTML file without any external resource."""

from devenv.lab.report.document import Cell, Command, Document, Fact, Pips, Section, Table
from devenv.lab.report.html import render

__all__ = ["Cell", "Command", "Document", "Fact", "Pips", "Section", "Table", "render"]
