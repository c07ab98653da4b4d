"""From a trace (exchanges and Redis commands) to diagnoses: the cause, its evidence and its mend."""
