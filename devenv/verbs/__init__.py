"""The use cases, a room each, named as the verb of the command line that they are."""
