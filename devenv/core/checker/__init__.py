"""The checker: judges a history against the sequential session, its invariants and a reader's expressions."""
