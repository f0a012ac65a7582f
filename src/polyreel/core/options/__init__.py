"""What an administrator changes while the server runs: typed, checked, versioned."""

from polyreel.core.options.declared import (
    HEIGHTS,
    OPTIONS,
    Option,
    Options,
    Rung,
    check_option,
)
from polyreel.core.options.stored import OptionsCache, get_option, read_options, set_option

__all__ = [
    "HEIGHTS",
    "OPTIONS",
    "Option",
    "Options",
    "OptionsCache",
    "Rung",
    "check_option",
    "get_option",
    "read_options",
    "set_option",
]
