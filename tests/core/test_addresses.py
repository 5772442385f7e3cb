"""Paths that depend on where a project mounts the pages."""

from django.test import override_settings
from django.urls import include, path, set_urlconf

from tokens.core.addresses import path_if_mounted

urlpatterns = [path("mine/", include("tokens.urls"))]


def test_each_request_gets_the_paths_of_its_own_urls() -> None:
    assert path_if_mounted("tokens:list") == "/settings/tokens/"
    set_urlconf(__name__)  # as a middleware does with `request.urlconf`
    try:
        assert path_if_mounted("tokens:list") == "/mine/"
        assert path_if_mounted("protected_resource") == ""
    finally:
        set_urlconf(None)
    with override_settings(ROOT_URLCONF="tokens.verify_urls"):
        assert path_if_mounted("tokens:list") == ""
    assert path_if_mounted("tokens:list") == "/settings/tokens/"
