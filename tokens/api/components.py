"""Components of the OpenAPI document that are not made from the code of the calls."""

from tokens.problems.problem import TYPES

SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token, in the header `Authorization`.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The identifier as user name, the token as password.",
    },
}
TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "A problem (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {**TEXT, "description": "The kind of problem, as a URI."},
        "title": {**TEXT, "description": "The kind of problem, in words."},
        "status": {"type": "integer"},
        "detail": {**TEXT, "description": "What went wrong, and what to do."},
        "code": {
            **TEXT,
            "enum": [*TYPES, "request_failed"],
            "description": "The kind of problem, for programs.",
        },
        "instance": {**TEXT, "description": "What to quote in a report. The log has this too."},
        "errors": {
            "type": "array",
            "description": "The wrong fields, with `invalid_request`, and the fields that "
            "ask for more than the calling token has.",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": TEXT, "detail": TEXT},
            },
        },
        "error": {
            **TEXT,
            "description": "The error code of RFC 6749 section 5.2, for OAuth clients.",
        },
        "violated-policies": {
            "type": "array",
            "items": TEXT,
            "description": "With `rate_limited`.",
        },
    },
}
LINK = {
    "description": "The page that explains the refusal to the owner of the token (`help`).",
    "schema": TEXT,
    "required": True,
}
HEADERS = {  # of each answer to a request with a token
    "Token-Expires-At": {
        "description": "When the calling token expires.",
        "schema": {**TEXT, "format": "date-time"},
    },
    "RateLimit-Policy": {
        "description": "The limits (draft-ietf-httpapi-ratelimit-headers-10).",
        "schema": TEXT,
    },
    "RateLimit": {
        "description": "How many requests are left, and for how many seconds.",
        "schema": TEXT,
    },
}
LOCATION = {
    "description": "The address of the new token.",
    "schema": {**TEXT, "format": "uri-reference"},
}
