"""The installation's paths; a view that needs a scope and says which process answers; one that moves its clock."""

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
    """The wall clock of this process jumps and goes on from there; its monotonic clock does not notice."""
    time_machine.travel(timedelta(seconds=int(seconds))).start()
    return JsonResponse({})


urlpatterns = [*urlpatterns, path("api/report", report), path("api/clock/<seconds>", move_clock)]
