"""Tools: the doors to the outside in one value, handed to jobs and handlers, and where tests hand in
their own.
"""

from dataclasses import dataclass

from polyreel.infra.ffmpeg import FFmpeg
from polyreel.infra.notify import Notifier
from polyreel.infra.outbound import Outbound
from polyreel.infra.presence import Presence
from polyreel.infra.probe import Prober
from polyreel.infra.secrets import Secrets
from polyreel.infra.storage import LocalStorage
from polyreel.infra.tx import Database
from polyreel.settings import Settings

__all__ = ["Tools"]


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Everything that reaches outside the process, made once by `app` and closed by it."""

    settings: Settings
    db: Database
    storage: LocalStorage
    notifier: Notifier
    ffmpeg: FFmpeg
    prober: Prober
    secrets: Secrets
    presence: Presence
    outbound: Outbound
