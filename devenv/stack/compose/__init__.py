"""The compose backend: the stack as containers of docker-compose.yml."""
