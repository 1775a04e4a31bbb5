"""What the site shows beside docs/*.md: the notebooks with their output, the changelog, the contributing guide."""

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page per notebook, and the two documents that lie at the root."""
    for notebook in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        name = f"notebooks/{notebook.stem}.md"
        files.append(File.generated(config, name, content=as_markdown(notebook)))
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text().replace("](docs/", "](")
        files.append(File.generated(config, name.lower(), content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to a notebook, and to the documents at the root, lead to their pages."""
    markdown = re.sub(r"\.ipynb(?=[)#])", ".md", markdown)
    at_root = r"\]\(((?:\.\./)*)\.\./(CHANGELOG|CONTRIBUTING)\.md"
    return re.sub(at_root, lambda match: f"]({match[1]}{match[2].lower()}.md", markdown)


def as_markdown(notebook: Path) -> str:
    """The cells of a notebook, its text and its output."""
    parts: list[str] = []
    for cell in json.loads(notebook.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            parts.append("```text\n" + "".join(text).rstrip() + "\n```")
    return "\n\n".join(parts) + "\n"
