"""deploy/monitoring: each alert fires and ends with its cause; Prometheus parses all queries."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.run import ROOT

FOLDER = ROOT / "deploy/monitoring"
RULES = FOLDER / "tokenry-alerts.yml"
DASHBOARD = json.loads((FOLDER / "tokenry-dashboard.json").read_text())
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
NODE = 'job="tokenry",instance="a"'
LATE = 1690  # minutes: 28 hours and a bit


class Case(NamedTuple):
    """Samples of each minute, by series, and the minutes in which the alert fires and is over."""

    series: dict[str, str]
    fires: int
    over: int


def late(command: str) -> Case:
    """A daily command that never succeeded until the minute 1700."""
    series = f'tokenry_job_last_success_timestamp_seconds{{{NODE},command="{command}"}}'
    return Case({series: f"0x1700 {60 * 1700}x100"}, LATE, 1750)


def slow() -> Case:
    """All requests take half a second to a second, and after the minute 30 under a tenth."""
    buckets = {
        "0.1": "0x30 0+600x30",
        "0.5": "0x30 0+600x30",
        "1.0": "0+600x60",
        "+Inf": "0+600x60",
    }
    series = {
        f'tokenry_request_seconds_bucket{{{NODE},le="{le}"}}': values
        for le, values in buckets.items()
    }
    return Case(
        {**series, f'tokenry_requests_total{{{NODE},code="",status="200"}}': "0+600x60"}, 20, 50
    )


REQUESTS, MAILS = (
    f"tokenry_requests_total{{{NODE}",
    f'tokenry_mails_total{{{NODE},outbox="accounts"',
)
CASES = {
    "TokenryDown": Case({f"up{{{NODE}}}": "1x5 0x10 1x20"}, 10, 25),
    "TokenryUnavailable": Case(
        {
            f'{REQUESTS},code="unavailable"}}': "0x5 0+100x10 1000x40",
            f'{REQUESTS},code=""}}': "0+1000x60",
        },
        13,
        40,
    ),
    "TokenryServiceAway": Case(
        {f'tokenry_breaker_open{{{NODE},service="redis"}}': "0x5 1x10 0x20"}, 10, 25
    ),
    "TokenryFaults": Case({f'{REQUESTS},code="internal_error"}}': "0x5 1x40"}, 10, 30),
    "TokenrySlow": slow(),
    "TokenryUsageWaits": Case(
        {f"tokenry_calls_waiting{{{NODE}}}": "100x5 20000x15 100x20"}, 18, 35
    ),
    "TokenryWrongPasswords": Case(
        {f'tokenry_sign_ins_total{{{NODE},result="wrong_password"}}': "0+20x30 600x40"}, 25, 60
    ),
    "TokenryMailFails": Case(
        {f'{MAILS},result="failed"}}': "0+1x60 60x40", f'{MAILS},result="sent"}}': "5x60 5+1x40"},
        50,
        80,
    ),
    "TokenryMailGivenUp": Case(
        {f'tokenry_mails_given_up{{{NODE},outbox="accounts"}}': "0x5 1x100"}, 10, 80
    ),
    "TokenryMailStuck": Case(
        {f'tokenry_mails_oldest_seconds{{{NODE},outbox="tokens"}}': "100000x30 0x30"}, 20, 40
    ),
    "TokenryJobLate": late("prune"),
    "TokenryBackupLate": late("backup"),
    "TokenryTokensExpire": Case(
        {f"tokenry_tokens_expiring_7_days{{{NODE}}}": "2x100 0x50"}, 70, 130
    ),
    "TokenryVersionsDiffer": Case(
        {
            f'tokenry_build_info{{{NODE},version="1",commit=""}}': "1x100",
            'tokenry_build_info{job="tokenry",instance="b",version="2",commit=""}': "1x150",
        },
        70,
        130,
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _promtool() -> None:
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed: apt-get install prometheus")


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def queries() -> list[str]:
    """Return those of the dashboard's panels, as Prometheus gets them from Grafana."""
    found = [
        target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])
    ]
    return [query.replace("$job", "tokenry").replace("$__rate_interval", "5m") for query in found]


def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", "--lint-fatal", RULES)


def test_prometheus_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries())
    ]
    assert len(rules) > 20
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", path)


def firing(minute: int, *alerts: str) -> dict[str, Any]:
    """Return the expectation that just these fire at that minute, once each."""
    expression = 'count by (alertname) (ALERTS{alertstate="firing"})'
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts]
    return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples}


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_once_and_ends(alert: str, tmp_path: Path) -> None:
    case = CASES[alert]
    test = {
        "interval": "1m",
        "input_series": [
            {"series": series, "values": values} for series, values in case.series.items()
        ],
        "promql_expr_test": [firing(0), firing(case.fires, alert), firing(case.over)],
    }
    path = tmp_path / "test.yml"
    path.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]})
    )
    promtool("test", "rules", path)


def test_each_alert_has_a_case_and_its_place_in_the_runbook() -> None:
    assert [rule["alert"] for rule in ALERTS] == list(CASES)
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert [rule["alert"] for rule in ALERTS] == [
        name for name in headings if name.startswith("Tokenry")
    ]
    for rule in ALERTS:
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_the_dashboard_names_no_data_source_of_anybody() -> None:
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {
        "datasource",
        "job",
    }
    sources = {
        panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel
    }
    assert sources == {"${datasource}"}
