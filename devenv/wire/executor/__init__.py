"""Jobs inside the gate's process: they run requests on pods and order the Redis commands that these send."""
