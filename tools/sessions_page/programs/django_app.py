import os
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

settings.configure(
    SECRET_KEY="local",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    INSTALLED_APPS=["django.contrib.sessions"],
    SESSION_ENGINE=f"django.contrib.sessions.backends.{os.environ.get('ENGINE', 'cache')}",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(__file__).with_name("db.sqlite3"),
            "OPTIONS": {"timeout": 60},
        }
    },
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["REDIS_URL"],
        }
    },
)
django.setup()
if settings.SESSION_ENGINE.endswith("_db"):
    call_command("migrate", verbosity=0)


def ready(request):
    return JsonResponse({})


def login(request):
    request.session["user"] = "alice"
    return JsonResponse({"ok": True})


def me(request):
    return known(request, lambda: JsonResponse(dict(request.session.items())))


def change(request):
    def write():
        request.session.update(request.GET.dict())
        return JsonResponse({"ok": True})

    return known(request, write)


def logout(request):
    request.session.flush()
    return JsonResponse({"ok": True})


def known(request, answer):
    return answer() if "user" in request.session else JsonResponse({"ok": False}, status=401)


urlpatterns = [
    path(name, view)
    for name, view in (("ready", ready), ("login", login), ("me", me), ("set", change), ("logout", logout))
]

if __name__ == "__main__":
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIServer, make_server

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    make_server("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application(), Server).serve_forever()
