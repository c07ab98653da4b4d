"""Reports that open anywhere: one HTML file without any external resource, and sequence pictures."""
