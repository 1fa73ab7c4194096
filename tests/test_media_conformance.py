"""What every carrier of calls must do, whichever it is: the same tests run on each adapter."""

import pytest

pytest_plugins = ("tests.media_room",)


@pytest.fixture
def node(media_room):
    return media_room.start()


def joined(room, node, browsers):
    call = room.call()
    node.sfu.open(room.plan(call))
    customer, agent = browsers.peer(), browsers.peer()
    customer.joins(lambda offer: node.sfu.answer(call, "customer", offer))
    agent.joins(lambda offer: node.sfu.answer(call, "agent", offer))
    return call, customer, agent


def test_both_sides_see_and_hear_each_other(media_room, node, browsers):
    _, customer, agent = joined(media_room, node, browsers)
    customer.sees(30)
    agent.sees(30)
    assert customer.key_frames
    assert agent.key_frames
