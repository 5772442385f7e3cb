"""Metrics as Prometheus reads them, by its own parser."""

from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families

from tests.run import patience

Samples = dict[str, float]


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
    """The document of a server, for METRICS_TOKEN. Raises OSError where none comes within five seconds."""
    connection = HTTPConnection("127.0.0.1", port, timeout=patience(1))
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {secret}"})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()
