"""The VideoCMS API (v0.1.10, as of June 2026), as its panel, its player and scripts use it.

Built so far: signing in, the public configuration, making folders, uploading in one request, listing
and showing files, the player's status. The other endpoints of its document are answered as unknown.
"""

from polyreel.dialects.videocms.errors import answer_media
from polyreel.dialects.videocms.rate import RateLimits
from polyreel.dialects.videocms.routes import make_app

__all__ = ["RateLimits", "answer_media", "make_app"]
