"""Video witness: what a recorded call costs, how soon it stands, what a kill loses, and how the queue holds.

``cpu_s_per_call_min`` is the media process alone, for one recorded two-party VGA call;
``mediarecorder_ratio`` what aiortc's own recorder takes for the same media in the same run, ``janus_ratio``
what ours takes of Janus (none where Janus cannot run). Kills are ``kill -9`` of the media process in a call.
Set-up, pictures, reload and recovery are what two people see on their pages. The queue's figures come from
agents and customers of a database of their own, and from pages that wait for their place.
"""

from collections.abc import Callable

from tests.bench import video_calls, video_janus, video_pages, video_push, video_queue

BUDGET = {
    **video_calls.BUDGET,
    "janus_ratio": ("<=", 2),
    **video_pages.BUDGET,
    "claims_double": ("=", 0),
    "claims_lost": ("=", 0),
    "overtaken": ("=", 0),
    "eta_p80_share": (">=", 0.78),
    "eta_error_ratio": (">=", 2.5),
    "position_push_ms_p95": ("<=", 500),
}
#: Seconds of media for the comparison with Janus.
SECONDS = 20


def measure(say: Callable[[str], None]) -> dict[str, float | None]:
    """Return the figures."""
    figures: dict[str, float | None] = {}
    say("calls …")
    figures |= video_calls.measure(say)
    say("janus …")
    janus = video_janus.measure(SECONDS)
    ours = figures.get("cpu_s_per_call_min")
    figures["janus_ratio"] = ours / janus if ours is not None and janus else None
    say("pages …")
    figures |= video_pages.measure(say)
    say("queue …")
    figures |= video_queue.measure(say)
    say("places …")
    figures |= video_push.measure(say)
    return figures
