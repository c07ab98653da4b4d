"""What verbs work with: the scripted HTTP client, run folders, configuration files, access to Redis."""
