"""Pure search over the orders in which concurrent requests' Redis commands can run."""
