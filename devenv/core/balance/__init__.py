"""Judges what a load balancer was measured to do: sessions lost per kind of client, and what hides it."""
