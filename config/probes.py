"""Probes for whatever watches the service."""

from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST
from redis import RedisError

from config.forwarded import lies_in
from tokens.metrics import document


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


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """What Prometheus reads, for METRICS_ADDRESSES or with METRICS_TOKEN (RFC 6750 section 2.1).

    Others hear 401 where the token would help them. Where there is none, 404: nothing that they send would.
    """
    if lies_in(request.META["REMOTE_ADDR"], settings.METRICS_ADDRESSES) or bears_metrics_token(request):
        return HttpResponse(document(), content_type=CONTENT_TYPE_LATEST)
    if not settings.METRICS_TOKEN:
        return HttpResponse("not found\n", status=404, content_type="text/plain")
    headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
    return HttpResponse("METRICS_TOKEN is needed\n", status=401, content_type="text/plain", headers=headers)


def bears_metrics_token(request: HttpRequest) -> bool:
    """Whether the request brings METRICS_TOKEN, if there is one; comparing takes as long whatever it brings."""
    scheme, _, sent = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return (
        scheme.lower() == "bearer"
        and bool(settings.METRICS_TOKEN)
        and constant_time_compare(sent, settings.METRICS_TOKEN)
    )


PROBES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


class ProbeMiddleware:
    """Answer probes before any middleware looks at the host, which is an address when a balancer asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        response = probe(request)
        response["Content-Length"] = str(len(response.content))  # as CommonMiddleware does for pages
        return response
