"""The worker process: jobs, timers, and what got lost."""

import asyncio

import structlog

from engine import Engine
from engine.jobs import worker_app
from handlers import agreements, inspection, recordings, signing
from handlers.notices import Deliveries
from handlers.photos import JOB
from handlers.short_lived import ShortLived
from handlers.video import police_checks
from handlers.video.queue import Queue
from handlers.video.sweep import Watch
from ops.authority import sweeps
from ops.wiring import wire
from web.handover import forget_handovers
from web.settings import Settings

log = structlog.get_logger("ops.worker")

#: Seconds between two looks at the queue of the video witness. No job of the queue of jobs: an offer that
#: nobody answers must not wait behind a photo.
VIDEO_SECONDS = 1.0


async def _run(settings: Settings) -> None:
    product = wire(settings)
    deliveries = Deliveries(product.engine, product.sms)
    short_lived = ShortLived(product.engine.database)
    finalizer = recordings.Finalizer(product.engine, settings.recordings_folder)
    app = worker_app(
        product.engine.database.url,
        product.engine.jobs,
        {
            "notices.deliver": deliveries.deliver,
            JOB: product.web.intake.examine,
            agreements.JOB: product.web.papers.write,
            inspection.JOB: product.web.inspection.inspect,
            agreements.PREVIEW: product.web.papers.preview,
            signing.JOB: product.web.signing.archive,
            recordings.JOB: finalizer.finish,
            police_checks.JOB: product.web.police_checks.check,
        },
        {
            "notices.sweep": deliveries.sweep,
            "signatures.sweep": product.web.inspection.sweep,
            "agreements.sweep": product.web.papers.sweep,
            "signing.sweep": product.web.signing.sweep,
            "recordings.sweep": finalizer.sweep,
            "police.sweep": product.web.police_checks.sweep,
            "short_lived.forget": short_lived.forget,
            **sweeps(product.engine.database, product.own_authority, product.web.authority),
            "sessions.sweep": product.web.sessions.sweep,
            "handovers.forget": lambda: forget_handovers(product.engine.database),
        },
    )
    async with app.open_async():
        product.engine.jobs.sweep()
        watching = asyncio.create_task(_watch_video(product.engine))
        warming = asyncio.create_task(asyncio.to_thread(product.web.papers.warm))
        log.info("worker ready")
        await app.run_worker_async(
            concurrency=settings.worker_jobs,
            update_heartbeat_interval=2,
            stalled_worker_timeout=10,
            fetch_job_polling_interval=2,
            shutdown_graceful_timeout=10,
            delete_jobs="successful",
        )
        watching.cancel()
        await warming


async def _watch_video(engine: Engine) -> None:
    """Do every second what the queue of the video witness does by itself ("video.sweep")."""
    watch = Watch(Queue(engine), lambda: engine.parameters().video.grace_seconds)
    while True:
        try:
            await asyncio.to_thread(watch.sweep)
        except Exception:
            # Whatever it was (a database that restarts): customers wait, so it is tried again.
            log.exception("video.sweep failed")
        await asyncio.sleep(VIDEO_SECONDS)


def work(settings: Settings) -> None:
    """Work until told to stop; jobs under way are finished or done again by another."""
    asyncio.run(_run(settings))
