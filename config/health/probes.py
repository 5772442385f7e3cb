"""Views for load balancers and monitoring: /healthz, /readyz and /metrics."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST

from config.forwarded_headers import is_in_networks
from config.health.readiness import as_lines, readiness
from config.version import VERSION
from tokens.usage.prometheus import exposition


def healthz(request: HttpRequest) -> HttpResponse:
    """Return 200 as long as the process lives. Nothing else is checked."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Return 200 if this process can answer requests, else 503.

    The response names the failed checks and the version only to clients that may read the metrics.
    """
    found = readiness.failing()
    words = ["stopping" if "stopping" in found else "not ready" if found else "ready"]
    if may_read_metrics(request):
        words += [*as_lines(found), f"Tokenry {VERSION}"]
    return HttpResponse(
        "\n".join(words) + "\n", status=503 if found else 200, content_type="text/plain"
    )


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics, for Prometheus, to clients that may read them.

    These are clients whose address is in METRICS_ADDRESSES, and clients that send METRICS_TOKEN as
    a Bearer token (RFC 6750). Other clients get 401, or 404 if METRICS_TOKEN is not set.
    """
    if may_read_metrics(request):
        return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)
    if not settings.METRICS_TOKEN:
        return HttpResponse("not found\n", status=404, content_type="text/plain")
    headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
    return HttpResponse(
        "METRICS_TOKEN is needed\n", status=401, content_type="text/plain", headers=headers
    )


def may_read_metrics(request: HttpRequest) -> bool:
    """Return True if the client has an address in METRICS_ADDRESSES, or sends METRICS_TOKEN."""
    address = request.META["REMOTE_ADDR"]
    return is_in_networks(address, settings.METRICS_ADDRESSES) or has_metrics_token(request)


def has_metrics_token(request: HttpRequest) -> bool:
    """Return True if the request sends METRICS_TOKEN as a Bearer token.

    The comparison always takes the same time, so that nobody can guess the token step by step.
    """
    scheme, _, sent = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return (
        scheme.lower() == "bearer"
        and bool(settings.METRICS_TOKEN)
        and constant_time_compare(sent, settings.METRICS_TOKEN)
    )


PROBES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


class ProbeMiddleware:
    """Answer /healthz, /readyz and /metrics before other middleware checks the host name.

    Load balancers send the server's IP address as the host, which may be missing in ALLOWED_HOSTS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        response = probe(request)
        # CommonMiddleware, which sets this header for pages, does not run for these requests.
        response["Content-Length"] = str(len(response.content))
        return response
