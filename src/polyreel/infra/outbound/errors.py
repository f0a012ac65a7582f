"""What may go wrong with a request to another server, in sentences for people."""

from polyreel.kit.errors import Invalid, Unavailable, Unsupported

__all__ = ["BadAddress", "BadAnswer", "TooSlow", "Unreachable"]


class BadAddress(Invalid):
    """An address this server never asks: malformed, of another kind, or inside a private network."""

    default = "This address cannot be used."


class BadAnswer(Unsupported):
    """The other server answered, but not in a way that can be used; asking again does not help."""

    default = "The other server's answer cannot be used."


class Unreachable(Unavailable):
    """The other server could not be reached, or broke off; it may work later."""

    def __init__(self, message: str = "The other server does not answer.") -> None:
        super().__init__("The other server")
        self.message = message
        self.args = (message,)


class TooSlow(Unreachable):
    """Not done within the whole time that was given."""
