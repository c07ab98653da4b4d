"""simulate: predicts how many sessions a setting loses, sweeps settings, compares with the real stack."""
