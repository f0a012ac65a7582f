"""What an administrator changes while the server runs: typed, checked, versioned."""

from polyreel.core.options.declared import (
    HEIGHTS,
    OPTIONS,
    Between,
    Option,
    Options,
    Rung,
    check_option,
)
from polyreel.core.options.stored import (
    OptionsCache,
    changed_at,
    get_option,
    read_options,
    set_option,
    set_options,
)

__all__ = [
    "HEIGHTS",
    "OPTIONS",
    "Between",
    "Option",
    "Options",
    "OptionsCache",
    "Rung",
    "changed_at",
    "check_option",
    "get_option",
    "read_options",
    "set_option",
    "set_options",
]
