"""The queue of the video witness, as those live it who wait and those who call them (R-160 to R-175)."""




def test_the_number_counts_everybody_in_the_branch_and_oneself(queue_room):
    """G-47."""
    queue_room.people(2)
    third = queue_room.person()
    third.queues()
    assert (third.place.total, third.place.position) == (3, 3)


def test_who_waits_longest_is_next(queue_room):
    people = queue_room.people(3)
    agents = [queue_room.agent() for _ in people]
    assert [agent.takes().owner for agent in agents] == [one.owner for one in people]


def test_a_call_from_beginning_to_end(queue_room):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    assert customer.state == "queued"
    agent.takes()
    call = agent.accepts()
    assert customer.state == "in_call"
    agent.renews()
    agent.ends("passed")
    assert customer.ticket.state == "passed"
    assert [(one.id, one.outcome) for one in queue_room.calls()] == [(call.id, "passed")]
