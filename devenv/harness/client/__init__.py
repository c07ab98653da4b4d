"""The scripted HTTP client: creates and verifies challenges, records what it did, compares pods."""
