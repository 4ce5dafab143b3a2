"""The enums: strings that equal any spelling of their name."""

from __future__ import annotations

import copy
import json
import pickle
import re
from enum import Enum
from typing import Any, TypeAlias

import pytest

import nanobook
from nanobook import Exchange, OrderStatus, Side, StopStatus, TimeInForce, ValidationError

Member: TypeAlias = Side | TimeInForce | OrderStatus | StopStatus
MEMBERS: list[Member] = [*Side, *TimeInForce, *OrderStatus, *StopStatus]


def test_the_members() -> None:
    assert [member.value for member in Side] == ["buy", "sell"]
    assert [member.value for member in TimeInForce] == ["gtc", "ioc", "fok"]
    assert [member.value for member in OrderStatus] == [
        "new",
        "partially_filled",
        "filled",
        "cancelled",
    ]
    assert [member.value for member in StopStatus] == ["pending", "triggered", "cancelled"]
    assert [member.name for member in OrderStatus] == [
        "NEW",
        "PARTIALLY_FILLED",
        "FILLED",
        "CANCELLED",
    ]


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_is_its_string(member: Member) -> None:
    assert isinstance(member, str)
    assert isinstance(member, Enum)
    assert str(member) == member.value == f"{member}"
    assert hash(member) == hash(member.value)
    assert {member.value: 1}[member] == 1
    by_member: dict[str, int] = {member: 1}
    assert by_member[member.value] == 1
    assert json.loads(json.dumps(member)) == member.value
    assert repr(member) == f"{type(member).__name__}.{member.name}"
    assert eval(repr(member), dict(vars(nanobook))) is member
    assert type(member).__module__ == "nanobook"


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_equals_any_spelling(member: Member) -> None:
    name = member.name
    camel = name.title().replace("_", "")
    for spelling in (name, name.lower(), camel, camel.lower(), name.title(), f"_{name}_"):
        assert member == spelling
        assert spelling == member
        assert (member != spelling) is False
        assert (spelling != member) is False
        assert type(member)(spelling) is member
    for other in ("", "x", name + "x", 1, None, b"new", [name]):
        assert member != other
        assert (member == other) is False
        assert other != member
    assert [other for other in MEMBERS if type(other) is type(member) and other == member] == [
        member
    ]


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_survives_pickle_and_copy(member: Member) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(member, protocol)) is member
    assert copy.copy(member) is member
    assert copy.deepcopy(member) is member


def test_sides_have_letters() -> None:
    assert [Side(letter) for letter in "bBsS"] == [Side.BUY, Side.BUY, Side.SELL, Side.SELL]


def test_an_unknown_name_is_refused() -> None:
    bad: Any
    for bad in ("bye", "", 1, None):
        expected = re.escape(f"Side must be one of 'buy', 'sell', got {bad!r}")
        with pytest.raises(ValidationError, match=f"^{expected}$"):
            Side(bad)


def test_the_engine_hands_out_these_members() -> None:
    exchange = Exchange()
    exchange.submit_limit("sell", 100, 5, "gtc")
    assert exchange.submit_limit("buy", 100, 8, "ioc").status is OrderStatus.CANCELLED
    assert exchange.submit_limit("buy", 100, 1, "fok").status is OrderStatus.CANCELLED
    order = exchange.get_order(1)
    assert order is not None
    assert order.status is OrderStatus.FILLED
    assert order.status == "Filled"
    assert order.side is Side.SELL
    assert exchange.trades()[0].aggressor_side is Side.BUY
    assert exchange.submit_stop_market("buy", 100, 1).status is StopStatus.TRIGGERED
    assert exchange.submit_stop_market("buy", 101, 1).status is StopStatus.PENDING
