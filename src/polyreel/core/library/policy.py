"""Who may watch, for every video at once."""

from sqlalchemy import update

from polyreel.core.library.tables import VideoRow
from polyreel.core.users import Actor, require_admin
from polyreel.infra.notify import ANYTHING
from polyreel.infra.tx import Tx

__all__ = ["end_every_ticket"]


def end_every_ticket(tx: Tx, actor: Actor) -> None:
    """No ticket for media that was handed out so far opens anything from now on; players ask for
    new ones with their page. Raises Forbidden for who is no administrator.
    """
    require_admin(actor)
    tx.session.execute(update(VideoRow).values(policy_version=VideoRow.policy_version + 1))
    tx.notify(ANYTHING)
