"""``devenv demo``: the whole story in one go, with a verdict and a report."""
