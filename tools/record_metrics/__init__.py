"""Records the metrics of a good and a bad run for the rules' tests: ``python -m tools.record_metrics``."""
