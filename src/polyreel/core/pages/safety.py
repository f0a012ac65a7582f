"""HTML that may be shown on this server's own origin: nothing in it runs, sends or covers.

Pages are put together by a page builder, whose classes and inline styles make the layout: these stay.
"""

import functools

import nh3

__all__ = ["safe_html"]

_TAGS = nh3.ALLOWED_TAGS | {"section", "main", "picture", "source"}
_EVERYWHERE = {"class", "style", "title", "dir", "lang", "role", "aria-label", "aria-hidden"}
_ATTRIBUTES = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": _EVERYWHERE,
    "a": {"href", "hreflang", "target"},
    "img": {"src", "alt", "width", "height", "loading", "decoding"},
    "source": {"srcset", "media", "type", "width", "height"},
}
_SCHEMES = {"http", "https", "mailto", "tel"}
# What takes an element out of its place (position, z-index) could cover the rest of a page.
_STYLES = """
align-content align-items align-self aspect-ratio background background-color background-image
background-position background-repeat background-size border border-bottom border-bottom-color
border-bottom-left-radius border-bottom-right-radius border-bottom-style border-bottom-width
border-collapse border-color border-left border-left-color border-left-style border-left-width
border-radius border-right border-right-color border-right-style border-right-width border-spacing
border-style border-top border-top-color border-top-left-radius border-top-right-radius
border-top-style border-top-width border-width box-shadow box-sizing clear color column-count
column-gap columns display flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap
float font font-family font-size font-style font-variant font-weight gap grid grid-area
grid-auto-columns grid-auto-flow grid-auto-rows grid-column grid-column-gap grid-gap grid-row
grid-row-gap grid-template grid-template-areas grid-template-columns grid-template-rows height
hyphens justify-content justify-items justify-self letter-spacing line-height list-style
list-style-position list-style-type margin margin-bottom margin-left margin-right margin-top
max-height max-width min-height min-width object-fit object-position opacity order overflow
overflow-wrap padding padding-bottom padding-left padding-right padding-top place-content
place-items place-self row-gap table-layout text-align text-decoration text-indent text-overflow
text-shadow text-transform vertical-align white-space width word-break word-spacing word-wrap
"""


@functools.lru_cache(maxsize=64)
def safe_html(html: str) -> str:
    """`html` with only what is known to be harmless; what else it holds is left out."""
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        filter_style_properties=set(_STYLES.split()),
        link_rel="noopener noreferrer",
    )
