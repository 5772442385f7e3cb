"""The product's URLs, a view with a scope that returns its process, and a view for the clock."""

import os
from datetime import timedelta

import time_machine
from django.http import HttpRequest, JsonResponse
from django.urls import path

from config.urls import handler400, handler500, urlpatterns
from tokens.decorators import public, token_required

__all__ = ["handler400", "handler500", "urlpatterns"]


@token_required("reports:read")
def report(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"process": os.getpid()})


@public
def move_clock(request: HttpRequest, seconds: str) -> JsonResponse:
    """Move the wall clock of this process, from where it goes on; the monotonic clock stays."""
    time_machine.travel(timedelta(seconds=int(seconds))).start()
    return JsonResponse({})


urlpatterns = [*urlpatterns, path("api/report", report), path("api/clock/<seconds>", move_clock)]
