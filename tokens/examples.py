"""Code that calls the API with a token, in the languages people ask for. The token stays in an environment variable.

Each gives up after a while and prints the `detail` of a refusal. After 429, too many requests, and 503, not available
for the moment, each waits for as long as `Retry-After` says (RFC 9110 section 10.2.3), or where it is missing longer
each time, three times at most; cURL, which people type, for a minute in all.
cURL prints each answer on the way, those too after which it tries again; with `--output FILE` it keeps the last alone.
"""

from string import Template
from typing import NamedTuple

VARIABLE = "TOKENRY_TOKEN"
CURL = """\
curl --silent --show-error --fail-with-body --max-time 10 \\
  --retry 3 --retry-max-time 60 \\
  --header "Authorization: Bearer $@VARIABLE" \\
  @URL"""
REQUESTS = """\
import os

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['@VARIABLE']}"
retry = Retry(
    total=3,
    backoff_factor=1,
    status_forcelist=[429, 503],
    respect_retry_after_header=True,
    raise_on_status=False,
)
session.mount("@SITE", HTTPAdapter(max_retries=retry))

response = session.get("@URL", timeout=10)
if not response.ok:
    raise SystemExit(response.json()["detail"])
print(response.json())"""
HTTPX = """\
import os
import time

import httpx

headers = {"Authorization": f"Bearer {os.environ['@VARIABLE']}"}
with httpx.Client(headers=headers, timeout=10) as client:
    for seconds in (1, 2, 4, None):
        response = client.get("@URL")
        if response.status_code not in (429, 503) or seconds is None:
            break
        time.sleep(int(response.headers.get("Retry-After", seconds)))

if response.is_error:
    raise SystemExit(response.json()["detail"])
print(response.json())"""
FETCH = """\
const headers = { Authorization: `Bearer ${process.env.@VARIABLE}` };

async function get(url, retriesLeft = 3) {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
  if (![429, 503].includes(response.status) || !retriesLeft) return response;
  const seconds = response.headers.get("Retry-After") ?? 2 ** (3 - retriesLeft);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return get(url, retriesLeft - 1);
}

const response = await get("@URL");
if (!response.ok) throw new Error((await response.json()).detail);
console.log(await response.json());"""


class Example(NamedTuple):
    """A language and what to write in it."""

    language: str
    code: str


class Code(Template):
    """Code in which `@URL` and the like stand for what differs; the languages use `$` and braces themselves."""

    delimiter = "@"


def examples(site_url: str) -> list[Example]:
    """A call that works on this installation as it stands, in cURL, Python with two libraries, and JavaScript."""
    written = {"cURL": CURL, "Python": REQUESTS, "Python (httpx)": HTTPX, "JavaScript": FETCH}
    values = {"VARIABLE": VARIABLE, "SITE": site_url, "URL": f"{site_url}/api/v1/token"}
    return [Example(language, Code(code).substitute(values)) for language, code in written.items()]
