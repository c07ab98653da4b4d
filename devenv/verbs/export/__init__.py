"""``devenv export``: the stack as Kubernetes manifests."""
