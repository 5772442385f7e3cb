"""Django admin is the site of config/admin_site.py, and nothing is registered past its rules."""

import pytest
from django.contrib import admin
from django.test import Client

from config.admin_site import AdminSite
from tokens.administration.lists import ListedFiltersAdmin


def test_the_default_site_is_ours() -> None:
    assert isinstance(admin.site, AdminSite)


def test_every_list_takes_the_listed_filters_alone() -> None:
    registered = admin.site._registry.values()
    assert registered
    assert all(isinstance(model_admin, ListedFiltersAdmin) for model_admin in registered)


def test_a_null_character_in_the_address_is_refused(admin_client: Client) -> None:
    assert admin_client.get("/admin/?a=%00").status_code == 400


@pytest.mark.django_db
def test_a_stranger_signs_in_where_everybody_does(client: Client) -> None:
    response = client.get("/admin/", follow=True)
    assert [address for address, _ in response.redirect_chain] == [
        "/admin/login/?next=/admin/",
        "/accounts/login/?next=%2Fadmin%2F",
    ]
