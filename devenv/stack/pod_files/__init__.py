"""What pods write on this machine: folders of their own, a copy of their code, and files that they share."""
