"""The connection and trusted proxies say who the client is; the client's headers do not."""

from collections import Counter

import pytest

from tests.run import until
from tests.system.calls import Answer, call
from tests.system.conftest import Site, Sites
from tests.values import token_value

CLIENT = "127.0.0.2"
ELSEWHERE = "10.9.9.9"
SPOOFED = {
    "X-Forwarded-For": ELSEWHERE,
    "X-Real-IP": ELSEWHERE,
    "Forwarded": f"for={ELSEWHERE}",
    "X_Forwarded_For": ELSEWHERE,
    "X-Forwarded_For": ELSEWHERE,
    "Remote-Addr": ELSEWHERE,
    "True-Client-IP": ELSEWHERE,
}
UNKNOWN = token_value()


@pytest.fixture(scope="module", params=["", "127.0.0.1"], ids=["no proxy", "a proxy beside"])
def site(request: pytest.FixtureRequest, sites: Sites) -> Site:
    return sites(TRUSTED_PROXIES=request.param, FAILED_AUTH_LIMIT="3/hour")


@pytest.fixture(scope="module")
def behind_a_proxy(sites: Sites) -> Site:
    return sites(TRUSTED_PROXIES="127.0.0.1,10.1.0.0/16", FAILED_AUTH_LIMIT="3/hour")


@pytest.mark.parametrize(
    "headers", [*({name: value} for name, value in SPOOFED.items()), SPOOFED], ids=str
)
def test_the_allow_list_is_not_moved(site: Site, headers: dict[str, str]) -> None:
    closed = site.console.issue(addresses=(f"{ELSEWHERE}/32",))
    refused = call(site.server.port, closed, source=CLIENT, headers=headers)
    assert (refused.status, refused.code) == (403, "address_not_allowed")
    assert CLIENT in str(refused.body["detail"])
    own = site.console.issue(addresses=(f"{CLIENT}/32",))
    assert call(site.server.port, own, source=CLIENT, headers=headers).status == 200


def test_the_limit_on_failures_is_not_moved(site: Site) -> None:
    met = Counter(
        call(
            site.server.port,
            UNKNOWN,
            source="127.0.0.4",
            headers=dict.fromkeys(SPOOFED, f"10.9.9.{number}"),
        ).code
        for number in range(20)
    )
    assert met == {"unknown_token": 3, "rate_limited": 17}
    assert call(site.server.port, UNKNOWN, source="127.0.0.3").code == "unknown_token"
    assert call(site.server.port, site.console.issue(), source="127.0.0.4").status == 200


def test_what_is_written_down_is_not_moved(site: Site) -> None:
    value = site.console.issue()
    assert call(site.server.port, value, source=CLIENT, headers=SPOOFED).status == 200
    assert (
        call(site.server.port, value, method="DELETE", source=CLIENT, headers=SPOOFED).status
        == 204
    )
    token = f"Token.objects.get(identifier={value[:24]!r})"

    def written() -> None:
        assert site.console.evaluate(f"{token}.last_used_address") == CLIENT

    until(written, AssertionError)
    assert site.console.evaluate(f"{token}.events.get(kind='revoked').address") == CLIENT


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("10.9.9.9", "10.9.9.9"),
        ("6.6.6.6, 10.9.9.9", "10.9.9.9"),  # what stands to the left, the client wrote
        ("10.9.9.9, 6.6.6.6", "6.6.6.6"),
        ("6.6.6.6, 10.9.9.9, 10.1.2.3", "10.9.9.9"),  # two proxies, both trusted
        ("10.9.9.9, 10.1.2.3, 6.6.6.6, 10.1.2.3", "6.6.6.6"),
        ("10.9.9.9:4711", "10.9.9.9"),
        ("10.9.9.9, unknown", ""),
        ("", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_read_from_the_right(
    behind_a_proxy: Site, forwarded: str, client: str
) -> None:
    def ask(value: str) -> Answer:
        return call(behind_a_proxy.server.port, value, headers={"X-Forwarded-For": forwarded})

    refused = ask(behind_a_proxy.console.issue(addresses=("192.0.2.1/32",)))
    assert refused.code == "address_not_allowed"
    assert (client or "an unknown address") in str(refused.body["detail"])
    if client:
        assert ask(behind_a_proxy.console.issue(addresses=(f"{client}/32",))).status == 200


def test_behind_a_proxy_each_client_has_its_own_failures(behind_a_proxy: Site) -> None:
    codes = [
        call(
            behind_a_proxy.server.port,
            UNKNOWN,
            headers={"X-Forwarded-For": f"10.7.7.{number}, 203.0.113.{client}"},
        ).code
        for client in (1, 2)
        for number in range(5)
    ]
    assert codes == 2 * (3 * ["unknown_token"] + 2 * ["rate_limited"])
