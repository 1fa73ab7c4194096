"""视频见证 with two real browsers, carried by Janus: the same pages, the same offer, the same result."""

from collections.abc import Iterator

import pytest

from tests.browser.kaihu import Kaihu, MediaPart, stop
from tests.browser.test_video_call import (  # noqa: F401 - the same journeys, on another carrier
    chromium,
    test_a_media_node_that_is_killed_in_a_call_is_not_the_end_of_it,
    test_g45_g47_g48_g49_a_customer_is_sent_back_corrects_and_is_passed,
)
from tests.janus_room import JanusRoom

pytestmark = pytest.mark.usefixtures("nobody_waits")


@pytest.fixture(scope="module")
def media(kaihu: Kaihu, janus: JanusRoom) -> Iterator[MediaPart]:
    """Lend a node whose calls Janus carries."""
    part = MediaPart(kaihu.data, {**kaihu._environ, **janus.environ})
    try:
        yield part.starts()
    finally:
        stop(part.process)
