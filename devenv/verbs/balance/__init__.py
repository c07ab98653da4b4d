"""Measures a real load balancer, or a policy of the proxy: which clients lose sessions, and what hides it."""
