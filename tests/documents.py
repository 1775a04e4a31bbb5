"""What the documents say: their code blocks, the commands in them, their links and headings."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LANGUAGES = {"sh", "console", "python", "yaml", "toml", "text"}
"""sh: commands alone; console: commands after `$ ` with what they print."""

NEEDS = re.compile(r"<!-- needs: (.+) -->")
PLACEHOLDER = re.compile(r"<[^<>$]+>")
ASSIGNMENT = re.compile(r"[A-Z]+=")


class Block(NamedTuple):
    """A fenced block."""

    file: Path
    line: int
    """Of its first fence, from 1."""
    language: str
    needs: str | None
    """What a test has not, such as a GPU; None: nothing."""
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


class Command(NamedTuple):
    """A line typed into a shell, its variables filled in."""

    block: Block
    words: tuple[str, ...]


def blocks(file: Path) -> list[Block]:
    found, lines = [], file.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        if lines[number].lstrip().startswith("```"):
            end = next(n for n in range(number + 1, len(lines)) if lines[n].strip() == "```")
            above = NEEDS.fullmatch(lines[number - 1].strip()) if number else None
            language, text = lines[number].strip()[3:], "\n".join(lines[number + 1 : end])
            found.append(Block(file, number + 1, language, above and above[1], text))
            number = end
        number += 1
    return found


def commands(file: Path) -> list[Command]:
    """Every command of a document; a variable must be set above its first use."""
    variables: dict[str, str] = {}
    found = []
    for block in blocks(file):
        if block.language not in ("sh", "console"):
            continue
        for line in _lines(block):
            if ASSIGNMENT.match(line):
                name, _, value = line.partition("=")
                variables[name] = " ".join(_words(value, variables, block))
            elif block.needs is None or re.search(r"\becgae |\.py ", line):
                found.append(Command(block, _words(line, variables, block)))
    return found


def _lines(block: Block) -> Iterator[str]:
    """The commands of a block, those over several lines joined."""
    joined = block.text.replace("\\\n", " ")
    for line in joined.splitlines():
        if block.language == "console":
            if not line.startswith("$ "):
                continue
            line = line[2:]
        if line.strip() and not line.startswith("#"):
            yield line


def _words(line: str, variables: dict[str, str], block: Block) -> tuple[str, ...]:
    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise AssertionError(f"{block}: ${match[1]} is used and never set.")
        return variables[match[1]]

    filled = re.sub(r"\$([A-Z]+)\b", value, PLACEHOLDER.sub("that", line))
    words = shlex.split(filled, comments=True)
    words = words[: words.index("|")] if "|" in words else words
    return tuple(word for word in words if word != "...")


def prose(file: Path) -> str:
    """The text without fenced blocks and code in backticks."""
    text = re.sub(r"^```.*?^```$", "", file.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def links(file: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(file))


def anchors(file: Path) -> set[str]:
    """What a heading is called in an address, on the site and on GitHub."""
    text = re.sub(r"^```.*?^```$", "", file.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", each).strip().lower()) for each in headings}
