"""Rollouts: plans, what they lose by computation, and the sequential test of a step. Pure."""
