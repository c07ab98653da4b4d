"""The session libraries that are measured, each in one version and one way to set it up."""

from __future__ import annotations

from dataclasses import dataclass, field

EXPRESSIONS = ("a+b", "a+logout", "ask+logout")
"""Two changes; a change and a logout; a mere read and a logout."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A library with its settings."""

    title: str
    program: str
    """A file of ``programs``."""
    command: str
    """How it is started, ``{python}`` for the interpreter that has its packages."""
    packages: tuple[str, ...] = ()
    """With their versions, as pip or npm takes them; none: the system's own."""
    env: dict[str, str] = field(default_factory=dict)
    versions: tuple[str, ...] = ()
    """Debian's packages whose versions are named, where there are no ``packages``."""
    shared_folder: bool = False
    """Whether a file in its folder stands for a database that all pods share."""

    @property
    def for_node(self) -> bool:
        """Whether its packages are npm's and not pip's."""
        return self.program.endswith(".mjs")


_EXPRESS = ("express@4.22.3", "express-session@1.18.2", "connect-redis@9.0.0", "redis@6.3.1")
_KOA = ("koa@3.3.0", "koa-session@7.0.2", "koa-redis@4.0.1")
_FASTIFY = ("fastify@5.12.8", "@fastify/session@11.1.3", "@fastify/cookie@11.1.5", "connect-redis@9.0.0",
            "redis@6.3.1")  # fmt: skip
_FLASK = ("Flask==3.1.3", "Flask-Session==0.8.0", "redis==8.1.0", "msgspec")
_DJANGO = ("Django==5.2.19", "redis==8.1.0")
_STAR = ("starsessions==2.2.1", "starlette==1.10.0", "fastapi==0.165.0", "redis==8.1.0", "uvicorn")
_AIOHTTP = ("aiohttp==3.14.5", "aiohttp-session==2.12.1", "redis==8.1.0")
_PHP = "php -S 127.0.0.1:{port} index.php"
_PHP_PACKAGES = ("php-redis",)
_LOCKING = {"LOCKING": "1"}

SETUPS = (
    Setup("express-session, resave: false", "express.mjs", "node express.mjs", _EXPRESS),
    Setup("express-session, resave: true", "express.mjs", "node express.mjs", _EXPRESS, {"RESAVE": "true"}),
    Setup("koa-session, koa-redis", "koa.mjs", "node koa.mjs", _KOA),
    Setup("@fastify/session", "fastify.mjs", "node fastify.mjs", _FASTIFY),
    Setup("Flask-Session", "flask_app.py", "{python} flask_app.py", _FLASK),
    Setup("Django, cache", "django_app.py", "{python} django_app.py", _DJANGO),
    Setup(
        "Django, cached_db", "django_app.py", "{python} django_app.py", _DJANGO, {"ENGINE": "cached_db"},
        shared_folder=True,
    ),
    Setup("starsessions", "starsessions_app.py", "{python} starsessions_app.py", _STAR),
    Setup("aiohttp-session", "aiohttp_app.py", "{python} aiohttp_app.py", _AIOHTTP),
    Setup("PHP, locking off", "index.php", _PHP, versions=_PHP_PACKAGES),
    Setup("PHP, locking on", "index.php", _PHP, env=_LOCKING, versions=_PHP_PACKAGES),
    Setup(
        "PHP, locking on, lock_retries -1", "index.php", _PHP, env={**_LOCKING, "LOCK_RETRIES": "-1"},
        versions=_PHP_PACKAGES,
    ),
    Setup(
        "Rack::Session::Redis", "rack_app.rb", "ruby rack_app.rb",
        versions=("ruby-rack", "ruby-redis-rack", "ruby-redis"),
    ),
)  # fmt: skip
