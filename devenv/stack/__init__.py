"""The stack's two backends, embedded (processes) and compose (containers), behind one protocol."""
