"""Reports that open anywhere: one HTML file without any external resource."""

from devenv.core.render.document import Cell, Command, Document, Fact, Pips, Section, Table
from devenv.core.render.html import render

__all__ = ["Cell", "Command", "Document", "Fact", "Pips", "Section", "Table", "render"]
