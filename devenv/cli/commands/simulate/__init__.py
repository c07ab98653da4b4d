"""simulate: its options, and what it prints."""
