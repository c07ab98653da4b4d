"""HTTP on the wire, without I/O: heads, bodies and JSON bodies, parsed as bytes arrive."""
