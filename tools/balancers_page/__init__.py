"""Makes docs/balancers.md: what real load balancers do to sessions, measured by ``devenv balance``."""
