"""Who wants to be told what happens, and what has happened.

Player webhooks are called by the player page while a video of their owner plays (`player.py`). The log of
events (`events.py`) is written by whatever makes them true; endpoints (`endpoints.py`) are sent what is in
it, signed and retried (`mail.py`, `sending.py`), and people see what came of that (`deliveries.py`).
"""

from polyreel.core.webhooks.deliveries import (
    DELIVERY_STATES,
    Delivery,
    DeliveryNotFound,
    list_deliveries,
    redeliver,
    redeliver_event,
    send_test,
)
from polyreel.core.webhooks.endpoints import (
    MOST_ENDPOINTS,
    OLD_SECRET_LIFE,
    Endpoint,
    EndpointNotFound,
    NewEndpoint,
    WantedEndpoint,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_endpoints,
    replace_endpoint,
    rotate_secret,
)
from polyreel.core.webhooks.events import (
    EVENT_KINDS,
    EVENT_TOPIC,
    TEST_KIND,
    Event,
    EventPage,
    check_kinds,
    event_to_json,
    list_events,
    newest_sequence,
    trim_events,
)
from polyreel.core.webhooks.mail import EventLog, wake_waiting
from polyreel.core.webhooks.player import (
    PlayerWebhook,
    WantedWebhook,
    create_player_webhook,
    delete_player_webhook,
    list_player_webhooks,
    list_webhooks_of_player,
    replace_player_webhook,
)
from polyreel.core.webhooks.sending import KINDS

__all__ = [
    "DELIVERY_STATES",
    "EVENT_KINDS",
    "EVENT_TOPIC",
    "KINDS",
    "MOST_ENDPOINTS",
    "OLD_SECRET_LIFE",
    "TEST_KIND",
    "Delivery",
    "DeliveryNotFound",
    "Endpoint",
    "EndpointNotFound",
    "Event",
    "EventLog",
    "EventPage",
    "NewEndpoint",
    "PlayerWebhook",
    "WantedEndpoint",
    "WantedWebhook",
    "check_kinds",
    "create_endpoint",
    "create_player_webhook",
    "delete_endpoint",
    "delete_player_webhook",
    "event_to_json",
    "get_endpoint",
    "list_deliveries",
    "list_endpoints",
    "list_events",
    "list_player_webhooks",
    "list_webhooks_of_player",
    "newest_sequence",
    "redeliver",
    "redeliver_event",
    "replace_endpoint",
    "replace_player_webhook",
    "rotate_secret",
    "send_test",
    "trim_events",
    "wake_waiting",
]
