"""What verbs do to the stack's Redis: keys, faults, failover, cluster access."""
