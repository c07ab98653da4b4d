"""The vocabulary that all wings share: ids, topology, service profiles, events, schedules, errors."""
