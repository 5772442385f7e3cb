"""Django's error reports of a project show no secret, although only tokens can be masked."""

from types import TracebackType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.views.debug import ExceptionReporter
from pytest_django import Settings
from rest_framework.views import APIView

from tokens import rest_framework
from tokens.token_settings import token_settings

SECRET = "correct horse battery staple of a person"


def shown_variables(error: BaseException) -> str:
    """Return the variables of all frames in the report, except those of the test itself."""
    trace: TracebackType | None = error.__traceback__
    reporter = ExceptionReporter(RequestFactory().get("/"), type(error), error, trace)
    frames = reporter.get_traceback_frames()
    return str([each["vars"] for each in frames if not is_of_test(each["filename"])])


def is_of_test(filename: str) -> bool:
    return "/tests/" in filename or filename.endswith("django/test/client.py")


def fail(*arguments: Any, **options: Any) -> None:
    raise RuntimeError("forced")


def test_the_header_of_a_request_to_rest_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reports(APIView):  # type: ignore[misc]  # the package has no types
        authentication_classes = (rest_framework.TokenAuthentication,)

    monkeypatch.setattr(rest_framework, "authenticate_in_view", fail)
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {SECRET}"})
    with pytest.raises(RuntimeError, match="forced") as raised:
        Reports.as_view()(request)
    assert SECRET not in shown_variables(raised.value)


def test_the_good_pepper_beside_a_wrong_one(settings: Settings) -> None:
    settings.TOKENRY = {"PEPPERS": f"1:short,2:{SECRET.replace(' ', '-')}"}
    with pytest.raises(ImproperlyConfigured, match="can't be used") as raised:
        _ = token_settings.PEPPERS
    assert SECRET.replace(" ", "-") not in shown_variables(raised.value)
