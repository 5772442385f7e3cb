"""Probes for whatever watches the service."""

from django.core.cache import cache
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from redis import RedisError


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process lives."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers, and the shared counters where there are some, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    try:
        cache.get("readyz")
    except RedisError:
        return HttpResponse("the shared counters do not answer\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")
