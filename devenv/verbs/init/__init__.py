"""``devenv init``: finds out how a user's service is started and used, and writes devenv.toml."""
