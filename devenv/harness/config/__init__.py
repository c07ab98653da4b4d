"""Settings of the command line and the environment, and devenv.toml."""
