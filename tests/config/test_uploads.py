"""No page takes a file, and none reads a body that is larger than any form."""

import io

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

PAGES = [
    "/accounts/login/",
    "/settings/theme/",
    "/settings/tokens/new/",
    "/admin/login/",
    "/nowhere",
]
TOO_LARGE = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1


class Unread(io.BytesIO):
    """A body that fails the test where somebody reads it."""

    def read(self, *args: object) -> bytes:
        raise AssertionError("the body was read")

    readline = read


@pytest.fixture
def browser(db: None) -> Client:
    """A browser that any csrftoken cookie makes read the form of whatever page it posts to."""
    client = Client(enforce_csrf_checks=True)
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    return client


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data; boundary=b", "application/x-www-form-urlencoded", "application/json"],
)
def test_a_body_that_is_too_large_is_refused_unread(
    browser: Client, path: str, content_type: str
) -> None:
    length = {"CONTENT_LENGTH": str(TOO_LARGE), "wsgi.input": Unread()}
    response = browser.generic("POST", path, b"", content_type, **length)  # type: ignore[arg-type]
    assert response.status_code == 413
    assert "This is too large" in response.content.decode()


@pytest.mark.parametrize("path", PAGES[:-1])
def test_a_file_is_dropped_as_it_comes(browser: Client, path: str, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None  # so that the length alone does not refuse it
    response = browser.post(path, {"file": SimpleUploadedFile("upload.bin", b"x" * 3_000_000)})
    assert response.status_code == 403, "the form was read for its CSRF token, which was not there"
    request = response.wsgi_request
    assert (len(request.FILES), request.upload_handlers) == (0, [])
