"""The doctor's probes: they collect facts from settings, servers and pods; they judge nothing."""
