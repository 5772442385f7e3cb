"""Headers that are set in one go are those that Django would set."""

import pytest
from django.http import BadHeaderError, HttpResponse

from tokens.problems.responses import Answer, response_of, set_headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Empty": "", "X-Auth-Email": "ann@example.com"},
        {"cONTENT-tYPE": "text/plain", "Vary": "Authorization"},
        {"X-Auth-Email": "änn@example.com"},
        {"X-Auth-Email": "安@example.com", "X-Tab": "a\tb"},
    ],
)
def test_the_result_is_djangos(headers: dict[str, str]) -> None:
    response, expected = HttpResponse(), HttpResponse()
    set_headers(response, headers)
    for name, value in headers.items():
        expected.headers[name] = value
    assert response.serialize_headers() == expected.serialize_headers()
    assert all(response[name.swapcase()] == expected[name] for name in headers)


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb"])
def test_a_line_break_is_an_error(value: str) -> None:
    with pytest.raises(BadHeaderError):
        set_headers(HttpResponse(), {"X-First": "a", "X-Auth-Email": value})


def test_an_answer_has_its_own_content_type() -> None:
    response = response_of(Answer(404, {"Content-Type": "application/problem+json"}, b"{}"))
    assert response.headers == {"Content-Type": "application/problem+json"}
    assert (response.status_code, response.content) == (404, b"{}")
