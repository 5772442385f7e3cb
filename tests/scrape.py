"""Metrics, read with Prometheus's own parser."""

from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families

from tests.run import within

Samples = dict[str, float]
SCRAPE_SECONDS = 5  # the server promises a response in this time, also without the database


def samples(document: str) -> Samples:
    """Return the value of each line by name and labels: `name{a=b,c=d}`."""
    found = {}
    for family in text_string_to_metric_families(document):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def requests(found: Samples) -> Samples:
    """Return the samples that count requests and are not 0."""
    return {
        name: value
        for name, value in found.items()
        if value and name.startswith("tokenry_requests_total")
    }


def scrape(port: int, secret: str) -> str:
    """Return the metrics of a server, with METRICS_TOKEN. Raise OSError after SCRAPE_SECONDS."""
    connection = HTTPConnection("127.0.0.1", port, timeout=within(SCRAPE_SECONDS))
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {secret}"})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()
