"""What other tools read: a trace as OpenTelemetry spans, alert rules and dashboards of the pods' metrics."""
