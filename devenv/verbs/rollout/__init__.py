"""``devenv rollout``: plan, run, status, promote, abort."""
