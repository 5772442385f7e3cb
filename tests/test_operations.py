"""docs/operations.md says what is so."""

import json
import re

import pytest
import yaml

from config import settings
from tests.records import a_record
from tests.run import ROOT
from tokens.models.usage import KEPT_ANSWERED, KEPT_REFUSED
from tokens.usage.prometheus import DatabaseCollector, request_registry
from tokens.usage.request_log import LineMaker

TEXT = (ROOT / "docs/operations.md").read_text()


def block(language: str) -> str:
    return str(re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[0])


def rows(section: str) -> list[list[str]]:
    """The cells of the table under that heading, without its head."""
    table = re.findall(
        r"^\|.*\|$", TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0], re.MULTILINE
    )[2:]
    return [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in table]


def test_the_fields_of_the_request_log() -> None:
    fields = list(json.loads(LineMaker().json_line(a_record())))
    assert [name for name, _ in rows("The request log")] == fields
    assert list(json.loads(block("json"))) == fields


@pytest.mark.django_db
def test_the_metrics() -> None:
    families = [*request_registry.collect(), *DatabaseCollector().collect()]
    assert [(name, kind) for name, kind, _ in rows("Metrics")] == [
        (f"{family.name}_total" if family.type == "counter" else family.name, family.type)
        for family in families
    ]


def test_the_scrape_configuration() -> None:
    [job] = yaml.safe_load(block("yaml"))["scrape_configs"]
    assert set(job) == {"job_name", "authorization", "static_configs"}
    assert "metrics_path" not in job  # /metrics is its default, and Bearer that of authorization
    assert list(job["authorization"]) == ["credentials_file"]


def test_what_is_kept() -> None:
    table = rows("What is kept, and how long")
    kept = {
        f"TOKEN_{key}" if key == "RETENTION_DAYS" else key: value
        for key, value in settings.TOKENRY.items()
        if key.endswith("RETENTION_DAYS")
    }
    assert {name: int(days) for _, days, name in table} == kept
    assert f"the latest {KEPT_ANSWERED} answered and {KEPT_REFUSED} refused" in table[0][0]
