"""Moving pictures and sound for tests: VP8 and Opus, made once a run by the codecs themselves."""

import math
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import av
import numpy as np

FPS, SOUNDS = 30, 50

Frame = tuple[Literal["video", "audio"], int, bool, bytes]


@lru_cache(maxsize=8)
def clip(seconds: float, width: int = 640, height: int = 480, kbps: int = 1000) -> tuple[Frame, ...]:
    """Return frames in the order of their time: track, milliseconds, whether a key frame, bytes.

    There is a key frame every second.
    """
    frames = [*_video(seconds, width, height, kbps), *_audio(seconds)]
    return tuple(sorted(frames, key=lambda frame: frame[1]))


def _video(seconds: float, width: int, height: int, kbps: int) -> list[Frame]:
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.bit_rate, encoder.gop_size = Fraction(1, FPS), kbps * 1000, FPS
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(1).integers(0, 24, (height, width), dtype=np.int32)
    made: list[Frame] = []
    for number in range(round(seconds * FPS)):
        grey = (columns + 4 * number) % 256 // 2 + rows % 128 // 2 + np.roll(noise, number * 7, 1)
        picture = np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        made += [_picture(packet) for packet in encoder.encode(frame)]
    return made + [_picture(packet) for packet in encoder.encode(None)]


def _audio(seconds: float) -> list[Frame]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48000, "stereo", "s16"
    encoder.bit_rate = 32000
    made: list[Frame] = []
    for number in range(round(seconds * SOUNDS)):
        at = np.arange(number * 960, (number + 1) * 960) / 48000
        tone = (np.sin(2 * math.pi * 440 * at) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(tone, 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48000, number * 960
        made += [_sound(packet) for packet in encoder.encode(frame)]
    return made + [_sound(packet) for packet in encoder.encode(None)]


def _picture(packet: "av.Packet") -> Frame:
    return ("video", round((packet.pts or 0) * 1000 / FPS), packet.is_keyframe, bytes(packet))


def _sound(packet: "av.Packet") -> Frame:
    return ("audio", max(0, round((packet.pts or 0) / 48)), True, bytes(packet))
