"""What every HTTP face shares: who is calling, limits, media, ranges, uploads."""
