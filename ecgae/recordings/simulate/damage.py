"""Ways in which an ECG file can be broken, for readers to notice."""

import re
from collections.abc import Callable


def damaged(content: bytes, damage: str) -> bytes:
    """The file's content with one of `DAMAGES` done to it, to the strip and to the averaged
    beat."""
    return DAMAGES[damage](content)


def _truncated(content: bytes) -> bytes:
    """The file ends in the middle of the strip, as after an interrupted copy."""
    return content[: len(content) * 6 // 10]


def _lead_missing(content: bytes) -> bytes:
    """Lead V3 is absent."""
    return re.sub(rb'\s*<WaveformData lead="V3">[^<]*</WaveformData>', b"", content)


def _flat_lead(content: bytes) -> bytes:
    """An electrode came off: V5 is constant."""
    return _rewritten(content, b"V5", lambda values: [b"0"] * len(values))


def _wrong_length(content: bytes) -> bytes:
    """Lead II lacks its last tenth."""
    return _rewritten(content, b"II", lambda values: values[: len(values) * 9 // 10])


def _rewritten(content: bytes, lead: bytes, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """The file with the values of one lead changed."""
    pattern = rb'(<WaveformData lead="' + lead + rb'">)([^<]*)(</WaveformData>)'
    return re.sub(
        pattern,
        lambda trace: trace[1] + b",".join(change(trace[2].split(b","))) + trace[3],
        content,
    )


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": _truncated,
    "lead missing": _lead_missing,
    "flat lead": _flat_lead,
    "wrong length": _wrong_length,
}
"""What is done to a file, by the name of the damage."""
