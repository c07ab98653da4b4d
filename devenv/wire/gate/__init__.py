"""The Redis relay behind the pods: records, disturbs and holds commands."""
