"""All operations of the API, version 1."""

from tokens.api import calling, oauth, tokens
from tokens.api.base import API

ABOUT = """\
Manage API tokens with a token. What a call may do is what its token may do: a created or changed token never goes
beyond the calling one. Instants are RFC 3339 in UTC, addresses CIDR. Every failure is `application/problem+json`
(RFC 9457): branch on its `code`, show people its `detail`, quote its `instance` in a report.

**Lists** come in pages, newest first: `next` is the address of the page after this one, or null.

**Sending again** is safe with the header `Idempotency-Key`: within 24 hours the same token, key and request make
nothing twice."""

api = API(title="Tokenry", version="1", description=ABOUT, openapi_url=None, docs_url=None)
for part in (calling, tokens, oauth):
    api.add_router("", part.router)
