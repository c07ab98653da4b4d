"""Exploring on real pods: requests run and held through the gate, learned, searched, confirmed."""
