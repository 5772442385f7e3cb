"""The subcommand `manage.py token import`: its arguments, and what it prints."""

import re
import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import CommandError
from django.db import IntegrityError
from django.template.defaultfilters import pluralize
from django.views.decorators.debug import sensitive_variables

from tokens.management.action import Options, Printed, format_instant, to_json, user_by_name
from tokens.management.importing.check import (
    CheckedTokens,
    ImportOptions,
    check_tokens,
    ensure_lifetime,
    known_keys,
)
from tokens.management.importing.foreign_token import ForeignToken, parse_instant, shown
from tokens.management.importing.installed_packages import PACKAGE_READERS, read_drf_api_key
from tokens.management.importing.json_lines import read_json_lines
from tokens.management.importing.sanctum import read_sanctum
from tokens.management.issue import ensure_active, parse_environment
from tokens.models import ImportedToken, Scope, ScopeNotAllowed, Source
from tokens.notifications.receivers import notify_imported
from tokens.token_settings import token_settings

TOKENS_PER_STEP = 1000  # after so many tokens a terminal shows the progress
PLACES_PER_PROBLEM = 10  # in a line about a problem


def import_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `token import`."""
    source = parser.add_argument_group("the tokens, from one of").add_mutually_exclusive_group(
        required=True
    )
    source.add_argument(
        "file", nargs="?", metavar="FILE", help="a file of JSON Lines; - is standard input"
    )
    for name in (*PACKAGE_READERS, Source.DRF_API_KEY):
        source.add_argument(
            f"--from-{name}",
            dest="package",
            action="store_const",
            const=name,
            help=f"the tokens of {name.label} in this project",
        )
    source.add_argument(
        "--from-sanctum",
        dest="sanctum",
        metavar="FILE",
        help="an export of Laravel Sanctum's table personal_access_tokens, CSV or JSON",
    )
    parser.add_argument(
        "--until",
        metavar="DATE",
        required=True,
        help="when the old values end: 2027-03-01 (at 00:00 UTC) or 2027-03-01T09:00:00Z",
    )
    add_token_arguments(parser)
    parser.add_argument("--no-mail", action="store_true", help="send the owners no mail")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen")


def add_token_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that say more about the tokens."""
    parser.add_argument("--owner", metavar="EMAIL", help="the owner of tokens that have none")
    parser.add_argument("--environment", help="that of tokens that name none (default: live)")
    parser.add_argument(
        "--scope",
        action="extend",
        nargs="+",
        default=[],
        metavar="SCOPE",
        help="scopes in place of the tokens' own",
    )
    parser.add_argument(
        "--model",
        default="",
        metavar="APP.MODEL",
        help="with --from-drf-api-key: your own model of keys",
    )


@sensitive_variables()
def run_import(options: Options) -> Printed:
    """Check all tokens of the source, import those without a problem, and return what happened.

    Nothing is imported before the whole source is read. A second run imports only what is new.
    Raise CommandError if an option is wrong, or if the source can't be read.
    """
    meant = parse_options(options)
    source, found = read_source(options)
    checked = check_tokens(found, meant)
    if not options["dry_run"]:
        import_all(checked, source)
        if not options["no_mail"]:
            owners = {token.owner.pk for token in (*checked.new, *checked.known)}
            notify_imported(owners)
    if options["json"]:
        out = to_json(facts_about(checked, meant, dry_run=options["dry_run"]))
    else:
        out = words_about(checked, meant, dry_run=options["dry_run"])
    wrong = len(checked.wrong)
    error = f"{wrong} token{pluralize(wrong)} left out because of a problem." if wrong else ""
    return Printed(out, setting_advice(checked), error)


def parse_options(options: Options) -> ImportOptions:
    """Return what the options say about every token. Raise CommandError if one is wrong."""
    until = parse_until(options["until"])
    ensure_lifetime(until)
    if options["model"] and options["package"] != Source.DRF_API_KEY:
        raise CommandError("--model goes with --from-drf-api-key.")
    owner = user_by_name(options["owner"]) if options["owner"] else None
    if owner:
        ensure_active(owner)
    environment = parse_environment(options["environment"])
    ensure_scopes_exist(options["scope"])
    return ImportOptions(until, environment, options["scope"], owner)


def ensure_scopes_exist(names: Collection[str]) -> None:
    """Raise CommandError if there is no scope with one of these names, given with --scope."""
    known = Scope.objects.values_list("name", flat=True)
    if unknown := sorted(set(names).difference(known)):
        raise CommandError(
            f"--scope: there is no scope {shown(unknown[0])}. Scopes: {', '.join(known)}."
        )


def parse_until(text: str) -> datetime:
    """Return the time that --until names. A day begins at 00:00 UTC. Raise CommandError."""
    is_day = re.fullmatch(r"\d{4}-\d\d-\d\d", text)
    try:
        return parse_instant(f"{text}T00:00:00" if is_day else text, UTC if is_day else None)
    except ValueError as error:
        raise CommandError(f"--until {error}, or a day, such as 2027-03-01.") from None


@sensitive_variables()
def read_source(options: Options) -> tuple[Source, Iterable[ForeignToken]]:
    """Return the source that the options name, and its tokens. Raise CommandError."""
    if options["sanctum"]:
        return Source.SANCTUM, read_sanctum(read_file(options["sanctum"]))
    if options["package"] == Source.DRF_API_KEY:
        return options["package"], read_drf_api_key(options["model"])
    if options["package"]:
        return options["package"], PACKAGE_READERS[options["package"]]()
    return Source.FILE, read_json_lines(read_file(options["file"]).splitlines())


@sensitive_variables()
def read_file(name: str) -> bytes:
    """Return the content of a file; "-" is standard input. Raise CommandError."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}.") from None


@sensitive_variables()
def import_all(checked: CheckedTokens, source: Source) -> None:
    """Import the new tokens, each in its own transaction, so that other changes need not wait.

    A token that somebody else imports at the same time counts as known.
    """
    new, checked.new = checked.new, []
    for token in with_progress(new):
        try:
            made = ImportedToken.objects.add(
                token.credential,
                owner=token.owner,
                source=source,
                name=token.name,
                environment=token.environment,
                expires_at=token.expires_at,
                scopes=token.scopes,
                **token.facts,
            )
        except IntegrityError:  # another import gave the token to another owner
            if not known_keys([token.credential.key]):
                raise
            checked.known.append(token)
        except (ScopeNotAllowed, ObjectDoesNotExist):
            token.problems.append("Its owner or a scope was changed during the import. Run again.")
            checked.wrong.append(token)
        else:
            (checked.new if made else checked.known).append(token)


def with_progress(tokens: list[ForeignToken]) -> Iterator[ForeignToken]:
    """Yield `tokens`, and show the progress on a terminal."""
    shows = len(tokens) > TOKENS_PER_STEP and sys.stderr is not None and sys.stderr.isatty()
    for number, token in enumerate(tokens):
        if shows and number % TOKENS_PER_STEP == 0:
            sys.stderr.write(f"{number:,} of {len(tokens):,} tokens are imported.\n")
        yield token


def facts_about(checked: CheckedTokens, meant: ImportOptions, *, dry_run: bool) -> dict[str, Any]:
    """Return what happened, or would happen, for JSON."""
    return {
        "dry_run": dry_run,
        "until": meant.until,
        "imported": len(checked.new),
        "owners": len({token.owner.pk for token in checked.new}),
        "imported_before": len(checked.known),
        "expired": checked.expired,
        "revoked": checked.revoked,
        "left_out": [
            {"place": token.place, "problems": token.problems} for token in checked.wrong
        ],
    }


def words_about(checked: CheckedTokens, meant: ImportOptions, *, dry_run: bool) -> str:
    """Return what happened, or would happen, for a person."""
    count, owners = len(checked.new), len({token.owner.pk for token in checked.new})
    lines = [
        f"{count} token{pluralize(count)} of {owners} owner{pluralize(owners)} "
        f"{'would be' if dry_run else pluralize(count, 'is,are')} imported. The old values work "
        f"until {format_instant(meant.until)}, or until they expire themselves."
    ]
    if bare := sum(not token.scopes for token in checked.new):
        lines.append(
            f"{bare} of them {pluralize(bare, 'has,have')} no scopes, and can call only what "
            "needs none. --scope gives them scopes."
        )
    counts = {
        "imported before": len(checked.known),
        "left out because they expired": checked.expired,
        "left out because they are revoked": checked.revoked,
    }
    lines += [f"{many} {what}." for what, many in counts.items() if many]
    return "\n".join([*lines, *problem_lines(checked.wrong)])


def problem_lines(tokens: Iterable[ForeignToken]) -> Iterator[str]:
    """Yield each problem once, followed by the places that have it."""
    places = defaultdict(list)
    for token in tokens:
        for problem in token.problems:
            places[problem].append(token.place)
    for problem, where in places.items():
        yield f"Left out: {problem}"
        others = len(where) - PLACES_PER_PROBLEM
        more = f" and {others} more (--json names all)" if others > 0 else ""
        yield f"    {', '.join(where[:PLACES_PER_PROBLEM])}{more}"


def setting_advice(checked: CheckedTokens) -> str:
    """Return a warning if the settings let no request with an imported token in, or ""."""
    if not checked.new or token_settings.LEGACY_SCHEMES or token_settings.LEGACY_HEADERS:
        return ""
    return (
        "LEGACY_SCHEMES and LEGACY_HEADERS are not set, so the old values do not work here yet. "
        "docs/import.md says what to set."
    )
