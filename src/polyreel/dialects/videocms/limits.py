"""How much this API takes at once."""

from collections.abc import Sequence

from polyreel.core.options import Options
from polyreel.kit.errors import Invalid
from polyreel.settings import Settings

__all__ = ["check_selection", "upload_limit"]


def upload_limit(settings: Settings, options: Options) -> int:
    """Bytes of the largest file, the smaller of what the server and this API allow; 0: any."""
    limits = (options.videocms_upload_max_bytes, settings.upload_max_bytes)
    return min((limit for limit in limits if limit), default=0)


def check_selection(ids: Sequence[int], most: int) -> set[int]:
    """The ids of what is to be deleted at once, 1 to `most`, no one of them twice. Raises Invalid."""
    if not ids:
        raise Invalid("Nothing is selected.")
    if len(ids) > most:
        raise Invalid(f"No more than {most} can be deleted at once.")
    distinct = set(ids)
    if len(distinct) < len(ids):
        raise Invalid("Something is selected twice.")
    return distinct
