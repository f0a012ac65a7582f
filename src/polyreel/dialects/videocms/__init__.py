"""The VideoCMS API (v0.1.10, as of June 2026), as its panel, its player and scripts use it.

`EnablePlayerCaptcha` of an account is kept and told; as upstream, it changes nothing.
"""

from polyreel.dialects.videocms.errors import answer_media
from polyreel.dialects.videocms.panel import PanelApp
from polyreel.dialects.videocms.rate import RateLimits
from polyreel.dialects.videocms.routes import make_app

__all__ = ["PanelApp", "RateLimits", "answer_media", "make_app"]
