"""Fill an empty database with tokens of Tokenry and of its peers.

The tokens that requests use are printed as JSON.

python -m benchmarks.population 100000
"""

import hashlib
import json
import secrets
import sys
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import AutoField, Min, Model  # noqa: E402
from django.utils import timezone  # noqa: E402
from knox.models import AuthToken as KnoxToken  # noqa: E402
from rest_framework.authtoken.models import Token as AuthToken  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks.setups import KNOWN  # noqa: E402
from benchmarks.views import SCOPE  # noqa: E402
from tokens.authentication import credentials  # noqa: E402
from tokens.models import Scope, Token  # noqa: E402
from tokens.token_settings import token_settings  # noqa: E402

MANY = 1000  # tokens of the owner who has many
FAR = "'2099-01-01'"


def fill(model: type[Model], count: int, **expressions: str) -> None:
    """Insert `count` rows with one statement.

    `expressions` are SQL expressions by column, in which `n` is the row's number. Other columns
    have the field's default.
    """
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]
    values = [field.get_db_prep_save(field.get_default(), connection) for field in fields]
    columns = [expressions.get(field.attname, "%s") for field in fields]
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    statement = (
        "WITH RECURSIVE numbers(n) AS "
        f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) "
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(columns)} FROM numbers"
    )
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            connection.connection.create_function("md5", 1, md5, deterministic=True)
        cursor.execute(
            statement,
            [value for value, column in zip(values, columns, strict=True) if column == "%s"],
        )


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def fill_tokens(count: int, owner: str, name: str) -> None:
    """Insert tokens of Tokenry and of knox for `owner`, an SQL expression.

    The identifiers are nearly sorted, which makes the indexes fast to build.
    """
    random = f"substr('{credentials.ALPHABET}', n * 62 / {count + 1} + 1, 1) || md5('{name}' || n)"
    fill(
        Token, count, owner_id=owner, name="'Filler'", environment="'live'", pepper="1",
        scope=f"'{SCOPE}'",
        identifier=f"'{token_settings.PREFIX[0]}_live_' || substr({random}, 1, 15)",
        digest=f"{random} || '{'0' * 31}'", expires_at=FAR,
    )  # fmt: skip
    fill(
        KnoxToken, count, user_id=owner, token_key=f"substr({random}, 1, 15)",
        digest=f"{random} || '{'0' * 95}'", created="CURRENT_TIMESTAMP", expiry=FAR,
    )  # fmt: skip


def drop_foreign_keys(model: type[Model]) -> None:
    """Drop foreign keys on PostgreSQL, which would check each row's owner.

    That takes longer than all the rest.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        for name, constraint in connection.introspection.get_constraints(cursor, table).items():
            if connection.vendor == "postgresql" and constraint["foreign_key"]:
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def fill_all(size: int) -> None:
    """Insert tokens that no request uses: ten for each owner, but at least a thousand owners."""
    owners = max(1000, size // 10)
    fill(User, owners, email="'filler-' || n || '@example.com'")
    first = User.objects.aggregate(first=Min("pk"))["first"]
    drop_foreign_keys(Token)
    drop_foreign_keys(KnoxToken)
    fill_tokens(size, f"{first} + (n - 1) / {size // owners}", "crowd")
    fill(
        AuthToken,
        1000,
        key="substr(md5('key' || n), 1, 32)",
        user_id=f"{first} - 1 + n",
        created="CURRENT_TIMESTAMP",
    )
    fill(
        APIKey, 1000, id="'id-' || n", prefix="substr(md5('key' || n), 1, 8)", name="'Filler'",
        hashed_key="md5('key' || n)", created="CURRENT_TIMESTAMP",
    )  # fmt: skip


def people(name: str, count: int) -> list[User]:
    emails = [f"{name}-{number}@example.com" for number in range(count)]
    User.objects.bulk_create([User(email=email) for email in emails])
    return list(User.objects.filter(email__in=emails))


def issue(owner: User, days: int = 90) -> str:
    expires_at = timezone.now() + timedelta(days=days)
    _, new = Token.objects.issue(
        owner=owner, name="Known", environment="live", expires_at=expires_at, scopes=[SCOPE]
    )
    return new.value


def known() -> dict[str, Any]:
    """Return the values of the tokens that requests use, by kind."""
    owners, late = people("known", KNOWN), people("late", KNOWN)
    busy = people("busy", 1)[0]
    tokens = [issue(owner) for owner in owners]
    values = {
        "tokenry": tokens,
        "tokenry of a busy owner": [issue(busy) for _ in range(KNOWN)],
        "expired": [issue(owner, days=-1) for owner in late],
        "unknown": [
            credentials.generate(token_settings.PREFIX[0], "live").value for _ in range(KNOWN)
        ],
        "garbage": [secrets.token_urlsafe(40) for _ in range(KNOWN)],
        "mistyped": [token[:-7] + token[-6:] + "0" for token in tokens],
        "authtoken": [AuthToken.objects.create(user=owner).key for owner in owners],
        "knox": [KnoxToken.objects.create(owner)[1] for owner in owners],
        "knox of a busy owner": [KnoxToken.objects.create(busy)[1] for _ in range(KNOWN)],
        "api-key": [APIKey.objects.create_key(name="Known")[1] for _ in range(KNOWN)],
    }
    fill_tokens(MANY - KNOWN, str(busy.pk), "busy")
    return values


def main() -> None:
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        Scope.objects.create(name=SCOPE, words="Run benchmarks")
        fill_all(int(sys.argv[1]))
        values = known()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    json.dump(values, sys.stdout)


if __name__ == "__main__":
    main()
