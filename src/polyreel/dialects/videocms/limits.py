"""How much this API takes at once."""

from polyreel.core.options import Options
from polyreel.settings import Settings

__all__ = ["upload_limit"]


def upload_limit(settings: Settings, options: Options) -> int:
    """Bytes of the largest file, the smaller of what the server and this API allow; 0: any."""
    limits = (options.videocms_upload_max_bytes, settings.upload_max_bytes)
    return min((limit for limit in limits if limit), default=0)
