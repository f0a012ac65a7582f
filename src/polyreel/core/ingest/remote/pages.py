"""A download whose address is a page: its film is looked for by yt-dlp, then kept as any other file."""

from polyreel.core.ingest.remote.naming import name_of_film
from polyreel.core.ingest.remote.transfer import Transfer
from polyreel.infra import ytdlp
from polyreel.infra.jobs import Job
from polyreel.infra.tools import Tools

__all__ = ["fetch_from_page"]


def fetch_from_page(job: Job, url: str, transfer: Transfer) -> None:
    """Find and fetch the film of the page at `url`; all of it is in `transfer`, durable, at the end.

    Raises as `ytdlp.fetch_film`, and what the job's end raises.
    """
    tools: Tools = job.tools
    with tools.storage.scratch() as folder:
        film = ytdlp.fetch_film(
            tools.outbound,
            tools.ffmpeg,
            url,
            folder,
            max_bytes=transfer.most_bytes,
            total_s=transfer.left_s(),
            progress=transfer.note,
            cancelled=job.cancelled,
        )
        job.check()
        if film is None:
            raise ytdlp.NoFilm
        transfer.take(film.path, name_of_film(film.title, film.path.suffix))
