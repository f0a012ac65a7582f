"""The one door for requests to other servers: guarded, so that nobody reaches our own network with it.

`addresses.py` says which addresses may be reached, `client.py` asks and follows redirects, `wire.py`
connects, to exactly the address that was checked; `gate.py` does the same for child programs. Importing this room loads no HTTP library: that is
done by the first request.
"""

from polyreel.infra.outbound.addresses import Rules, is_public, make_rules
from polyreel.infra.outbound.bounds import Answer, Limits
from polyreel.infra.outbound.client import Fetched, Outbound
from polyreel.infra.outbound.errors import BadAddress, BadAnswer, TooSlow, Unreachable
from polyreel.infra.outbound.gate import Gate

__all__ = [
    "Answer",
    "BadAddress",
    "BadAnswer",
    "Fetched",
    "Gate",
    "Limits",
    "Outbound",
    "Rules",
    "TooSlow",
    "Unreachable",
    "is_public",
    "make_rules",
]
