"""``devenv watch``: the monitoring points of the running stack, live."""
