"""What is right: the sequential captcha session, and a small model of Redis. Neither knows the service."""
