"""Opens XML from outside safely, and reads its long lists of integers fast.

Nearly all of a recording's XML is samples. They are cut out of the bytes before the XML parser sees
them and read by a parser of JSON numbers (Langdale and Lemire, VLDB Journal 2019;28:941): half the
time of the straightforward way.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import simdjson
from jaxtyping import Int16, Int64

from ecgae.errors import InputError

LARGEST_FILE = 256 * 2**20
"""The bytes that a file may have; a recording has 0.5 to 10 MB."""

LONG = 1000
"""The bytes that a text must have to be worth being cut out."""

PIECE = 32_768
"""How many bytes of a text are parsed at once."""

MARK = "@samples:"
"""What stands for a text that was cut out, followed by its number."""

ENCODINGS = re.compile(
    rb"utf-?8|(us-)?ascii|iso-?8859-\d+|latin-?1|windows-125\d|cp125\d", re.IGNORECASE
)
"""Encodings in which `<` and digits are the same bytes as in ASCII."""

INTEGER = re.compile(rb"\s*[+-]?\d{1,15}\s*")


class Document(NamedTuple):
    """A parsed file: the tree, in which marks stand for the long texts, and these texts."""

    root: ElementTree.Element
    texts: list[bytes]

    def counts(self, node: ElementTree.Element, where: str) -> Int16[np.ndarray, " number"]:
        """The integers in the text of `node`, separated by commas and any white space; one comma
        may end the list.

        Raises `InputError`, which names `where`, for anything else: letters, fractions, an empty
        place, a number beyond +-32767 (-32768 is kept free: it marks a missing sample in the
        store).
        """
        text = node.text or ""
        marked = text.startswith(MARK)
        content = self.texts[int(text[len(MARK) :])] if marked else text.encode(errors="replace")
        values = integers(content, where)
        if values.max() > 32767 or values.min() < -32767:
            raise InputError(f"samples must lie within +-32767 counts; those of {where} do not")
        return values.astype(np.int16)


def read_document(file: Path) -> Document:
    """A whole CardioSoft file. Raises `InputError` where it is no complete, well-formed and
    harmless XML, or of another format."""
    content = _ascii_compatible(read_bytes(file))
    short, texts = _cut_out(content)
    if short.count(MARK.encode()) != len(texts):
        raise InputError(f"XML must not hold {MARK}; it does")
    root = parse_xml(short)
    require_root(root, "CardiologyXML")
    return Document(root, texts)


def read_bytes(file: Path) -> bytes:
    """The content of a file; `InputError` where it is too large to be a recording."""
    size = file.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(f"file must be at most {LARGEST_FILE:,} bytes; got {size:,}")
    return file.read_bytes()


def require_root(root: ElementTree.Element, tag: str) -> None:
    """Raises `InputError` where the outermost element of an XML file is not `tag`."""
    if root.tag != tag:
        raise InputError(f"root element must be {tag}; got {root.tag[:40]}")


def parse_xml(content: bytes) -> ElementTree.Element:
    """The tree of an XML file from outside.

    Raises `InputError` where it is incomplete, declares a document type (whose entities could
    expand without end), or is in an encoding that is no superset of ASCII.
    """
    content = _ascii_compatible(content)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError("XML must not declare a document type or entities; it does")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise InputError(f"XML must be complete and well formed; {error}") from None


def _ascii_compatible(content: bytes) -> bytes:
    """Content in which every `<` is the byte 0x3C, so that bytes can be searched; UTF-16 is turned
    into UTF-8."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise InputError(f"XML must be complete and well formed; {error.reason}") from None
        content = re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode(errors="replace")

    if b"\0" in content:
        raise InputError(
            "XML must be text; it holds zero bytes, as UTF-16 without its mark and binary files do"
        )
    declared = re.match(
        rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""", content
    )
    if declared and not ENCODINGS.fullmatch(declared[1]):
        encoding = declared[1][:20].decode("latin-1")
        raise InputError(
            f"XML must be in UTF-8, ISO-8859 or Windows-125x; its declaration says {encoding!r}"
        )
    return content


def _cut_out(content: bytes) -> tuple[bytes, list[bytes]]:
    """The content with a mark in place of every long text between two tags, and these texts."""
    kept: list[bytes] = []
    texts: list[bytes] = []
    copied, start, end = 0, content.find(b">") + 1, 0
    while start and end >= 0:
        end = content.find(b"<", start)
        if end - start > LONG:
            kept += [content[copied:start], f"{MARK}{len(texts)}".encode()]
            texts.append(content[start:end])
            copied = end
        start = content.find(b">", end) + 1
    return b"".join([*kept, content[copied:]]), texts


_PARSER = simdjson.Parser()


def integers(content: bytes, where: str) -> Int64[np.ndarray, " number"]:
    """The integers in `content`, at least one; `InputError` for anything else."""
    content = content.rstrip(b" \t\r\n").removesuffix(b",")
    try:
        return np.concatenate([_integers(piece) for piece in _pieces(content)])
    except (ValueError, TypeError, RuntimeError):
        # No strict JSON: a plus sign, a zero in front, or an error.
        return integers_slowly(content, where)


def _pieces(content: bytes) -> Iterator[bytes]:
    """The content cut at commas, so that what is computed from a piece fits the processor's second
    cache."""
    start = 0
    while start <= len(content):
        end = content.find(b",", start + PIECE)
        end = len(content) if end < 0 else end
        yield content[start:end]
        start = end + 1


def _integers(content: bytes) -> Int64[np.ndarray, " number"]:
    """The integers in `content`, read as a JSON list; raises where it is no list of integers."""
    if b"[" in content:
        raise ValueError("a list in a list")
    parsed: Any = _PARSER.parse(b"[" + content + b"]")
    values = np.frombuffer(parsed.as_buffer(of_type="i"), dtype=np.int64)
    if not len(values):
        raise ValueError("an empty list")
    return values


def integers_slowly(content: bytes, where: str) -> Int64[np.ndarray, " number"]:
    """What `integers` gives, read word by word: also with signs and zeros in front."""
    words = content.split(b",")
    if not all(map(INTEGER.fullmatch, words)):
        raise InputError(f"samples must be integers separated by commas; those of {where} are not")
    return np.array([int(word) for word in words], dtype=np.int64)
