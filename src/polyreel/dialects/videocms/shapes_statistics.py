"""The JSON of curves and lists. Contract: sections 11 (the end), 12 and 15."""

import msgspec

__all__ = ["Curve", "CurvePoint", "GaugePoint", "Machine", "TopEntry"]


class CurvePoint(msgspec.Struct, kw_only=True):
    """One bucket: milliseconds since 1970, and bytes; seconds in the curves of times."""

    Timestamp: int
    Bytes: int


class Curve(msgspec.Struct, kw_only=True):
    """What was sent, received or made, oldest first, zero where there was nothing."""

    Traffic: list[CurvePoint]


class TopEntry(msgspec.Struct, kw_only=True):
    """One of the greatest: a file, a person, or (`ID` 0) a domain. `value` in bytes or seconds."""

    ID: int
    Name: str
    value: int


class GaugePoint(msgspec.Struct, kw_only=True):
    """One bucket: milliseconds since 1970, and percent, bytes per second, or how many wait."""

    Timestamp: int
    Value: float


class Machine(msgspec.Struct, kw_only=True):
    """How busy the machine was."""

    Cpu: list[GaugePoint]
    Mem: list[GaugePoint]
    NetOut: list[GaugePoint]
    NetIn: list[GaugePoint]
    DiskW: list[GaugePoint]
    DiskR: list[GaugePoint]
    ENCQualityQueue: list[GaugePoint]
    ENCAudioQueue: list[GaugePoint]
    ENCSubtitleQueue: list[GaugePoint]
