"""A picture out of one key frame."""

import io

from av import Packet
from av.codec import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from PIL import Image

from handlers.media.webm import key_frame_size

#: Largest picture that is decoded, in pixels; a header may promise anything.
_LARGEST = 4096 * 2304
_QUALITY = 92


class NoPicture(ValueError):
    """These bytes are no picture that can be shown."""


def jpeg(frame: bytes) -> tuple[bytes, int, int]:
    """Return a VP8 key frame as JPEG, with its width and height in pixels. Takes tens of milliseconds.

    :raises NoPicture: it is none, or too large.
    """
    size = key_frame_size(frame)
    if size is None or not 0 < size[0] * size[1] <= _LARGEST:
        raise NoPicture("no key frame")
    decoder = CodecContext.create("vp8", "r")
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101  # what VP8 is
    try:
        pictures = decoder.decode(Packet(frame)) or decoder.decode(None)
    except FFmpegError as broken:
        raise NoPicture("the key frame does not decode") from broken
    if not pictures:
        raise NoPicture("the key frame gives no picture")
    image, out = Image.fromarray(pictures[0].to_ndarray(format="rgb24")), io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY, subsampling=0)
    return out.getvalue(), image.width, image.height
