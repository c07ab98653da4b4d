"""Incremental RESP2/RESP3 framing, without I/O."""
