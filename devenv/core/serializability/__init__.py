"""Serializability without a model: a service that serves one request after the other is its own oracle."""
