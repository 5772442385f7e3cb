"""An offer is withdrawn while it is accepted: either the token moves, or the giver keeps it."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.conftest import Issue, page_of, signed_in
from tests.run import patience
from tokens.models import NothingToHandOver, Token, TransferOffer, transfer
from tokens.models.transfer import accept_offer, hand_over, make_offer

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_the_giver_reads_is_true(
    issue: Issue, owner: User, teammate: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = issue()
    offer = make_offer(token, teammate.email, owner)
    giver, answers = signed_in(owner), list[str]()

    def withdraw() -> None:
        answer = withdraw_on_page(giver, token)
        answers.append(answer)
        connection.close()

    withdrawing = threading.Thread(target=withdraw)

    def hand_over_slowly(*sent: Any) -> Any:
        withdrawing.start()
        withdrawing.join(timeout=1)  # the offer was checked; the giver withdraws it now
        return hand_over(*sent)

    monkeypatch.setattr(transfer, "hand_over", hand_over_slowly)
    accept_offer(offer, teammate)
    withdrawing.join(timeout=patience(6))
    assert Token.objects.get(pk=token.pk).owner == teammate
    assert ["Too late: the token has another owner now." in answer for answer in answers] == [True]


def test_a_withdrawn_offer_is_not_accepted(issue: Issue, owner: User, teammate: User) -> None:
    token, _ = issue()
    offer = make_offer(token, teammate.email, owner)
    assert "The token stays where it is." in withdraw_on_page(signed_in(owner), token)
    assert not TransferOffer.objects.exists()
    with pytest.raises(NothingToHandOver):
        accept_offer(offer, teammate)


def withdraw_on_page(giver: Client, token: Token) -> str:
    """Press the button that withdraws the offer. Return the page that follows."""
    path = f"{token.get_absolute_url()}transfer/"
    return page_of(giver.post(path, {"withdraw": ""}, follow=True))
