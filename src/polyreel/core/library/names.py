"""Names of videos, folders and tags: how they are kept, and how they are looked for."""

import unicodedata

from polyreel.kit.errors import Invalid

MAX_NAME = 120
# As much of a folded name as is kept: an index of PostgreSQL's takes no more than some 2700 bytes.
LONGEST_FOLDED = 255


def clean_name(name: str, field: str = "name", longest: int = MAX_NAME) -> str:
    """The name as it is kept: trimmed, 1 to `longest` characters, no control characters.

    Raises Invalid with `field`.
    """
    name = name.strip()
    if not 1 <= len(name) <= longest:
        raise Invalid(fields={field: [f"The {field} must have 1 to {longest} characters."]})
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise Invalid(fields={field: [f"The {field} must not hold control characters."]})
    return name


def fold_name(name: str) -> str:
    """One spelling for all that a person takes for the same letters; `name` has 255 at the most."""
    whole = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", whole)[:LONGEST_FOLDED]
