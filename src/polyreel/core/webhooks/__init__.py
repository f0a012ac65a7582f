"""Who wants to be told what happens. So far: player webhooks, which the player page calls while a video
of their owner plays.
"""

from polyreel.core.webhooks.player import (
    PlayerWebhook,
    WantedWebhook,
    create_player_webhook,
    delete_player_webhook,
    list_player_webhooks,
    list_webhooks_of_player,
    replace_player_webhook,
)

__all__ = [
    "PlayerWebhook",
    "WantedWebhook",
    "create_player_webhook",
    "delete_player_webhook",
    "list_player_webhooks",
    "list_webhooks_of_player",
    "replace_player_webhook",
]
