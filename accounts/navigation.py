"""The settings navigation: a registry that each application fills when it is ready."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A link in the settings navigation. `place` orders them; `icon` is a Lucide name."""

    place: int
    label: str
    url_name: str
    icon: str


_entries: list[Entry] = []


def register(entry: Entry) -> None:
    """Add a page to the settings navigation."""
    _entries.append(entry)
    _entries.sort()


def settings_navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the entries, the one whose path the request is under marked as current."""
    urls = {entry: reverse(entry.url_name) for entry in _entries}
    return {
        "settings_navigation": [
            {"label": entry.label, "icon": entry.icon, "url": url, "current": request.path.startswith(url)}
            for entry, url in urls.items()
        ]
    }
