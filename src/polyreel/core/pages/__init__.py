"""Pages that administrators write: terms, privacy, who runs this."""

from polyreel.core.pages.pages import (
    Draft,
    Page,
    PageNotFound,
    PageTitle,
    PathTaken,
    create_page,
    delete_page,
    find_page,
    list_page_titles,
    list_pages,
    update_page,
)
from polyreel.core.pages.safety import safe_html

__all__ = [
    "Draft",
    "Page",
    "PageNotFound",
    "PageTitle",
    "PathTaken",
    "create_page",
    "delete_page",
    "find_page",
    "list_page_titles",
    "list_pages",
    "safe_html",
    "update_page",
]
