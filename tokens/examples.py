"""Code that calls the API with a token, in the languages people ask for. The token stays in an environment variable."""

from typing import NamedTuple

VARIABLE = "TOKENRY_TOKEN"


class Example(NamedTuple):
    """A language and what to write in it."""

    language: str
    code: str


def examples(site_url: str) -> list[Example]:
    """A call that works on this installation as it stands, in cURL, Python and JavaScript."""
    url = f"{site_url}/api/v1/token"
    return [
        Example("cURL", f'curl -H "Authorization: Bearer ${VARIABLE}" {url}'),
        Example(
            "Python",
            f"""\
import os

import requests

response = requests.get(
    "{url}",
    headers={{"Authorization": f"Bearer {{os.environ['{VARIABLE}']}}"}},
    timeout=10,
)
if not response.ok:
    raise SystemExit(response.json()["detail"])
print(response.json())""",
        ),
        Example(
            "JavaScript",
            f"""\
const response = await fetch("{url}", {{
  headers: {{ Authorization: `Bearer ${{process.env.{VARIABLE}}}` }},
}});
if (!response.ok) throw new Error((await response.json()).detail);
console.log(await response.json());""",
        ),
    ]
