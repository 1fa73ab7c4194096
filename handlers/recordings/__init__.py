"""Recordings: what becomes of a call's segments once it is over.

Finalizer(engine, folder)
  .finish     the worker's job: seals what a dead writer left, makes playback files and the report; .sweep
Recordings(engine, folder)
  .of_case    the calls of a case, with their reports
  .open       a playback file, to be read from any place
  .verify     is everything as it was? .hash: of the whole of a call; .evidence: seals and key, for others

Written here: video_call.report and .finished_at; video_segment, where a dead writer left it unsealed.
"""

from handlers.recordings.children import MuxingFailed
from handlers.recordings.finalizer import JOB, Finalizer
from handlers.recordings.kept import NoRecording, NotFinished
from handlers.recordings.looking import Evidence, Recorded, Recordings
from handlers.recordings.verify import Finding, Verdict

__all__ = [
    "JOB",
    "Evidence",
    "Finalizer",
    "Finding",
    "MuxingFailed",
    "NoRecording",
    "NotFinished",
    "Recorded",
    "Recordings",
    "Verdict",
]
