"""explore: its options, and what it prints of challenges and of sessions."""
