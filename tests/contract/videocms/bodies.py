"""The ways in which clients send fields."""


def sent(way, **fields):
    """What a request is given: fields as `json`, a `form`, a `multipart` form or the `query`."""
    texts = {name: str(value) for name, value in fields.items()}
    return {
        "json": {"json": fields},
        "form": {"data": texts},
        "multipart": {"files": [(name, (None, text)) for name, text in texts.items()]},
        "query": {"params": texts},
    }[way]
