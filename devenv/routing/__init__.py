"""Pure routing policies: which pod gets the next request."""
