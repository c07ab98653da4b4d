"""The process that holds proxy, gate and control API, and the supervisor of an embedded stack."""
