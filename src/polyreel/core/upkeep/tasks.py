"""Periodic jobs: a daily sweep of files, an hourly one of rows that have had their time."""

from datetime import timedelta

from polyreel.core.ingest import (
    delete_expired_answers,
    sweep_downloads,
    sweep_resumables,
    sweep_uploads,
)
from polyreel.core.stats import trim_statistics
from polyreel.core.upkeep.sweep import sweep_files
from polyreel.core.users import delete_expired
from polyreel.core.webhooks import trim_events, wake_waiting
from polyreel.infra.jobs import Job, JobKind, trim_jobs
from polyreel.infra.jobs.schedule import Periodic
from polyreel.infra.tools import Tools

# An orphan is never older than a day: they are looked for every half.
ORPHAN_S = 12 * 3600
DEAD_UPLOAD_S = 300
JOBS_KEPT = timedelta(days=14)
# What was done for a film is told on its page.
STEPS_KEPT = timedelta(days=365)


def _sweep_files(job: Job) -> None:
    tools: Tools = job.tools
    report = sweep_files(tools.db, tools.storage, min_age_s=ORPHAN_S)
    job.report(1.0, f"{len(report.removed)} files removed, {len(report.missing)} missing")


def _sweep_rows(job: Job) -> None:
    tools: Tools = job.tools
    sweep_uploads(tools.db, tools.storage, DEAD_UPLOAD_S)
    sweep_resumables(tools.db, tools.storage)
    sweep_downloads(tools.db, tools.storage)
    with tools.db.write() as tx:
        delete_expired(tx)
        delete_expired_answers(tx)
        trim_jobs(tx, tx.now - JOBS_KEPT, told_older_than=tx.now - STEPS_KEPT)
        trim_statistics(tx)
        trim_events(tx)
        wake_waiting(tx)


KINDS = (
    JobKind(name="upkeep.files", lane="light", run=_sweep_files),
    JobKind(name="upkeep.rows", lane="light", run=_sweep_rows),
)
PERIODIC = (
    Periodic(name="files", every_s=12 * 3600, kind="upkeep.files"),
    Periodic(name="rows", every_s=600, kind="upkeep.rows"),
)
