"""balance: its options, and what it prints."""
