"""The web interface: pages for people, and what their scripts ask for."""

from polyreel.web.front import WebApp, make_app

__all__ = ["WebApp", "make_app"]
