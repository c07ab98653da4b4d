"""Local developer environment and simulator for a captcha service that goes from one replica to two."""

__version__ = "0.1.0"
