"""The verbs as commands: each module declares the options of its verbs and shows their results."""
