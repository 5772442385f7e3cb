"""`manage.py token revoke --pepper N`: revoke the tokens that a leaked pepper protects.

A pepper is a secret key. The database stores the digest of each token, made with a pepper.
"""

import re
import sys
from argparse import ArgumentTypeError
from contextlib import suppress

from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import CommandError
from django.template.defaultfilters import pluralize

from tokens.management.action import Options, Printed, to_json
from tokens.models import Token, TokenQuerySet
from tokens.token_settings import token_settings

# Tokens of one person that are revoked in one transaction. The number is small, because other
# changes to the person's tokens wait until the transaction ends.
BATCH_OF_TOKENS = 100


def pepper_number(text: str) -> int:
    """Return `text`, the number of a pepper (a secret key), as an integer.

    Raise ArgumentTypeError unless it is from 1 to 9999.
    """
    if not re.fullmatch("[1-9][0-9]{0,3}", text):
        raise ArgumentTypeError("it takes the number of a pepper, from 1 to 9999.")
    return int(text)


def revoke_by_pepper(options: Options) -> Printed:
    """Revoke all active tokens that use a leaked pepper. Return what to print.

    A pepper is a secret key for the digests of tokens. A pepper that was removed from
    TOKEN_PEPPERS is accepted too. Raise CommandError if no active token uses it, or if the
    person does not confirm.
    """
    pepper = options["pepper"]
    tokens = Token.objects.active().filter(pepper=pepper)
    count, people = tokens.count(), tokens.order_by().values("owner_id").distinct().count()
    if not count:
        raise CommandError(
            f"No working token uses pepper {pepper}. "
            "`manage.py rehash_report` counts the tokens of each pepper."
        )
    if not options["yes"]:
        confirm(
            f"This revokes {count} token{pluralize(count)} of {people} "
            f"{pluralize(people, 'person,people')} for good: requests with them fail from then "
            f"on. {pepper_advice(pepper)}"
        )
    revoked = revoke_all(tokens)
    if options["json"]:
        return Printed(to_json({"pepper": pepper, "revoked": revoked}))
    return Printed(
        f"{revoked} token{pluralize(revoked)} {pluralize(revoked, 'is,are')} revoked: "
        "requests with them fail now. Each owner is told in the next mail."
    )


def confirm(words: str) -> None:
    """Print `words` and ask whether to go on. Raise CommandError unless the answer is "yes".

    Without a terminal nobody can answer, so raise CommandError too.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandError(f"{words}Add --yes to go on without a question. Nothing was revoked.")
    sys.stderr.write(f"{words}Type yes to go on: ")  # standard output is for scripts
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise CommandError("Nothing was revoked.")


def pepper_advice(pepper: int) -> str:
    """Return a warning if the revocation of this pepper's tokens misses some, else "".

    New tokens may still get the pepper, or tokens may have moved to a newer one. The warning
    ends with a space, because the question follows.
    """
    current = token_settings.PEPPER_CURRENT
    if pepper == current:
        return "New tokens use this pepper too, until TOKEN_PEPPER_CURRENT names another pepper. "
    if pepper < current:
        return (
            f"Tokens that were used since TOKEN_PEPPER_CURRENT became {current} moved to that "
            "pepper, and are not revoked. "
        )
    return ""


def revoke_all(tokens: TokenQuerySet) -> int:
    """Revoke all of `tokens` in small batches, each of one owner. Return how many were revoked.

    If the command is interrupted, the tokens of earlier batches stay revoked. Another run
    revokes the rest.
    """
    count = 0
    owner_pks = tokens.order_by("owner_id").values_list("owner_id", flat=True).distinct()
    for owner_pk in list(owner_pks):
        theirs = tokens.filter(owner_id=owner_pk).select_related("owner").order_by("pk")
        while batch := list(theirs[:BATCH_OF_TOKENS]):
            # The owner may have been deleted since the query, with all tokens.
            with suppress(ObjectDoesNotExist), Token.objects.locked_for(owner_pk):
                count += sum(token.revoke() for token in batch)
    return count
