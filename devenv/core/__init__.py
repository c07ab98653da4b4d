"""The functional core: pure decisions, free of clock, randomness, socket, thread and file.

Time and seeded generators come in as arguments, so that what happened once can happen again. import-linter
holds the list of modules that this package must not import.
"""
