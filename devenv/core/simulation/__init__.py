"""Predicts how many sessions are lost: by formulas, by vectorised sampling, and event by event."""
