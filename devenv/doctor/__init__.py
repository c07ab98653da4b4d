"""From what was seen of settings, servers and sessions to what is wrong: pure rules, no I/O."""
