"""Scenario files: text to Scenario, validation, the catalogue."""
