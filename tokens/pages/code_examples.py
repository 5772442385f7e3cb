"""Code examples that call the API. They read the token from an environment variable.

Each language has a short example and hardened ones. The short example needs no package and works
as it is pasted. The hardened examples are for programs that stay in use.

Each hardened example has a time-out, and prints the `detail` of an error answer. After 429 (too
many requests) or 503 (unavailable) it tries again, at most three times. Before each try it waits
for the time in `Retry-After` (RFC 9110 section 10.2.3). Without that header it waits longer before
each try. cURL stops after a minute, because a person waits for it. cURL prints the answer of each
try; with `--output FILE` it keeps only the last answer.
"""

from string import Template
from typing import NamedTuple

from tokens.core.addresses import absolute_url, path_if_mounted
from tokens.token_settings import token_settings

VARIABLE = "API_TOKEN"
# NOTE: This line asks for the token as for a password. So the token is neither in the shell's
# history nor on the screen. The usual way is a space before `export NAME=value`. But some shells
# write that line into the history: zsh, and bash on macOS, Fedora and Alpine, do so unless they
# are configured otherwise. This line works in bash and in zsh.
SHELL_LINE = f"read -rs {VARIABLE} && export {VARIABLE}"
CURL = """\
curl -H "Authorization: Bearer $@VARIABLE" @URL"""
PYTHON = """\
import os
from urllib.request import Request, urlopen

headers = {"Authorization": f"Bearer {os.environ['@VARIABLE']}"}
request = Request("@URL", headers=headers)
print(urlopen(request).read().decode())"""
JAVASCRIPT = """\
const headers = { Authorization: `Bearer ${process.env.@VARIABLE}` };
const response = await fetch("@URL", { headers });
console.log(await response.json());"""
HARDENED_CURL = """\
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


class HardenedExample(NamedTuple):
    """Code for programs that stay in use. `library` is the package that the code needs, or ""."""

    library: str
    code: str


class Example(NamedTuple):
    """The examples in one language: `code` is the short one, `hardened` has the others."""

    language: str
    code: str
    hardened: list[HardenedExample]


class Code(Template):
    """Code with placeholders such as `@URL`.

    The placeholders do not use `$` or braces, because the languages of the examples use them.
    """

    delimiter = "@"


CODE_TEMPLATES = {
    "cURL": (CURL, {"": HARDENED_CURL}),
    "Python": (PYTHON, {"requests": REQUESTS, "httpx": HTTPX}),
    "JavaScript": (JAVASCRIPT, {"": FETCH}),
}


def example_path() -> str:
    """Return the path that the examples call: EXAMPLE_PATH, or else our API's own data."""
    return token_settings.EXAMPLE_PATH or path_if_mounted("api_token") or "/"


def examples(site_url: str, path: str) -> list[Example]:
    """Return the examples of all languages, with the addresses of this installation filled in.

    `site_url` is the URL of the installation, such as "https://tokens.example.com", and `path` the
    path that the examples call.
    """
    values = {"VARIABLE": VARIABLE, "SITE": site_url, "URL": absolute_url(site_url, path)}

    def filled(code: str) -> str:
        return Code(code).substitute(values)

    return [
        Example(
            language,
            filled(short),
            [HardenedExample(library, filled(code)) for library, code in hardened.items()],
        )
        for language, (short, hardened) in CODE_TEMPLATES.items()
    ]
