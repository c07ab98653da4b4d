"""The files that are imported: HAR, access logs and curl commands, each read into the same records."""
