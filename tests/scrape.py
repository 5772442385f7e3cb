"""Metrics as Prometheus reads them, by its own parser."""

from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families

from tests.run import within

Samples = dict[str, float]
SCRAPE_SECONDS = 5  # within which an answer is promised, also without the database


def samples(document: str) -> Samples:
    """Each line by name and labels: `name{a=b,c=d}`."""
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(document)
        for sample in family.samples
    }


def requests(found: Samples) -> Samples:
    """Those of the samples that count requests."""
    return {name: value for name, value in found.items() if name.startswith("tokenry_requests_total")}


def scrape(port: int, secret: str) -> str:
    """The document of a server, for METRICS_TOKEN. Raise OSError where none comes in time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=within(SCRAPE_SECONDS))
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {secret}"})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()
