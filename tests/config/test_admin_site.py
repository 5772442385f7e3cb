"""No page takes a condition, an order or a field from the address that it does not name itself."""

import re
from itertools import chain
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from tests.conftest import Issue
from tests.quicker import first_quickly
from tests.run import ROOT
from tokens.administration.lists import accepted_lookups
from tokens.models import Scope

MODELS = sorted(site._registry, key=lambda model: model._meta.label)
CONDITIONS = ("regex", "iregex", "contains", "startswith", "in", "range", "date__year", "isnull")
# Readers of a whole query string: each takes the names that it knows and ignores the rest.
READERS = {
    "Activity(owner.account, request.GET.dict(), owner.slug)",
    "Listing(request.page_owner, request.GET.dict())",
    'initial={"filters": request.GET.urlencode()}',  # goes back to the list unread
    "prefill(request.GET.dict())",
    "initial=request.GET.dict())",  # of a form, which takes the names of its fields
    "prefill_changes(request.GET.dict())",
    "prefill_renewal(request.GET.dict())",
    'token, request.GET.dict() | {"by": report.by}',
    "for name, values in request.GET.lists():",  # masks each value
    "request.GET.get(REDIRECT_FIELD_NAME",
    "request.POST if request.method == \"POST\" else request.GET",  # then getlist("token")
    "request.GET.keys() - type(query).model_fields.keys()",  # refuses all others
}  # fmt: skip


def a_list(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def paths(model: type[Model]) -> list[str]:
    """The fields of `model`, and of what it points to."""
    own = [field for field in model._meta.get_fields() if not field.auto_created]
    related = [
        (field.name, field.related_model) for field in own if isinstance(field.related_model, type)
    ]
    further = [
        f"{name}__{field.name}" for name, other in related for field in other._meta.concrete_fields
    ]
    return [*(field.name for field in own), *further, "pk"]


@pytest.mark.parametrize("model", first_quickly(MODELS, 3), ids=lambda model: model._meta.label)
def test_no_condition_of_ones_own(admin_client: Client, model: type[Model]) -> None:
    """Nor of anybody's who has an administrator open a link."""
    request = RequestFactory().get("/")
    entries = site._registry[model].get_list_filter(request)
    fields = {entry for entry in entries if isinstance(entry, str)}
    own = {name for entry in entries for name in accepted_lookups(entry)}
    for path in paths(model):
        for condition in CONDITIONS[: None if path not in fields else -1]:
            asked = admin_client.get(a_list(model), {f"{path}__{condition}": "a"})
            assert asked.status_code == 400, f"{path}__{condition}"
        if path not in own:
            assert admin_client.get(a_list(model), {path: "a"}).status_code == 400, path


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_the_filters_on_the_page_work(
    admin_client: Client, owner: User, issue: Issue, model: type[Model]
) -> None:
    owner.groups.add(group := Group.objects.create(name="Finance"))
    Scope.objects.update_or_create(name="invoices:read", defaults={"group": group})
    issue()
    page = admin_client.get(a_list(model)).context["cl"]
    queries = [
        choice["query_string"] for spec in page.filter_specs for choice in spec.choices(page)
    ]
    assert len(queries) >= 2 * len(site._registry[model].list_filter)
    for query in queries:
        assert admin_client.get(a_list(model) + query).status_code == 200, query


@pytest.mark.parametrize(
    "query", ["o=password", "o=99", "o=1.1.1.-1.x", "p=x", "all=x", "_to_field=password", "e=1"]
)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_other_order_or_field(admin_client: Client, model: type[Model], query: str) -> None:
    answer = admin_client.get(f"{a_list(model)}?{query}")
    assert answer.status_code in {200, 302, 400}


@pytest.mark.parametrize("words", ["a " * 3000, '"' * 5000, "%" * 5000, "\\" * 5000])
def test_a_long_search_is_no_error(admin_client: Client, words: str) -> None:
    for model in MODELS:
        assert admin_client.get(a_list(model), {"q": words}).status_code in {200, 400}


def test_addresses_are_read_by_name() -> None:
    """Each reader of a whole query string is in READERS, after somebody read its code."""
    sources = chain.from_iterable(
        (ROOT / app).rglob("*.py") for app in ("accounts", "config", "tokens")
    )
    lines: list[Any] = [
        line.strip()
        for path in sources
        for line in path.read_text().splitlines()
        if ".GET" in line
    ]
    rest = [line for line in lines if not re.search(r'\.GET\.get(list)?\("\w+"', line)]
    # Two pages read Activity, and two a choice about a leaver's tokens.
    assert len(rest) == len(READERS) + 2
    assert [line for line in rest if not any(reader in line for reader in READERS)] == []
