"""What happened: traffic by hour, counted in memory and written in batches."""

from polyreel.core.stats.traffic import Traffic, sent_bytes

__all__ = ["Traffic", "sent_bytes"]
