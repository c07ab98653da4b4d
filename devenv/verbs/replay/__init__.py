"""``devenv replay`` and ``shrink``: play a scenario on a running stack and judge it by what it expects."""
