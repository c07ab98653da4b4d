"""``devenv doctor``: reads settings, looks at what they point at, and lets the rules judge."""
