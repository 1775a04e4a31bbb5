"""What the documents say is true: lines are short, links lead somewhere, commands and snippets fit the code, and
the notebooks print what they show."""

import argparse
import ast
import os
import re
import tomllib
from importlib import import_module, util
from pathlib import Path

import nbformat
import pytest
import yaml
from conftest import choices, composed
from documents import FILES, LANGUAGES, ROOT, Block, Command, anchors, blocks, commands, links
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from nbclient import NotebookClient
from omegaconf import OmegaConf

from ecgae.entry.command_line import _quoted, _without_null

WIDTH = 160
SCRIPTS = ("train", "encode", "gwas")
OWN_TEST = ("how-to-add-",)
"""Pages whose commands name files that the reader writes first; a test of their own follows them."""

BLOCKS = [block for file in FILES for block in blocks(file)]
COMMANDS = [
    command for file in FILES if not file.name.startswith(OWN_TEST) for command in commands(file)
]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def name_of(value: object) -> str:
    return str(value.block if isinstance(value, Command) else value)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_line_is_over_160_characters(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [n for n, line in enumerate(lines, 1) if len(line) > WIDTH] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(file):
    for link in links(file):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_every_page_is_in_the_site_and_every_page_of_the_site_is_there():
    text = (ROOT / "mkdocs.yml").read_text()
    named = set(re.findall(r"[\w/-]+\.md", text[text.index("\nnav:") :]))
    pages = {str(f.relative_to(ROOT / "docs")) for f in FILES if (ROOT / "docs") in f.parents}
    made = {"changelog.md", "contributing.md", *(f"notebooks/{n.stem}.md" for n in NOTEBOOKS)}
    assert named == pages | made


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_says_what_it_holds(block):
    assert block.language in LANGUAGES or block.file.name.startswith(OWN_TEST)
    assert block.language in ("sh", "console") or block.needs is None


@pytest.mark.parametrize("command", COMMANDS, ids=name_of)
def test_commands_fit_the_program_that_they_start(command):
    words = list(command.words)
    script = next((word for word in words if word in [f"{name}.py" for name in SCRIPTS]), None)
    if script:
        require_composes(script[:-3], words[words.index(script) + 1 :])
    elif words[:3] == ["python", "-m", "ecgae"]:
        require_verb(words[3:])
    elif words[0] == "ecgae":
        require_verb(words[1:])
    elif words[0] == "python":
        require_script(words[1:])
    elif words[0] == "make":
        assert set(words[1:]) <= set(
            re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
        )
    elif words[:2] == ["pip", "install"]:
        require_installable(words[2:])
    else:
        assert command.block.needs or words[0] in ("echo",), (
            f"no test can type {words[0]}: say what it needs"
        )


def require_verb(words: list[str]) -> None:
    verb, *rest = words
    if verb in SCRIPTS:
        return require_composes(verb, rest)
    module = import_module(f"ecgae.entry.verbs.{verb}")
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.add_arguments(parser)
    parser.parse_args(rest)
    return None


def require_composes(script: str, words: list[str]) -> None:
    """Hydra makes a config of the words; of an axis of a sweep each choice exists."""
    options = {"-cd": None, "-cn": script}
    overrides = []
    rest = iter(words)
    for word in rest:
        if word in options:
            options[word] = next(rest)
        elif word not in ("-m", "--multirun", "--help"):
            overrides.append(_without_null(_quoted(word)))
    if any("submitit_slurm" in word for word in words):
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    chosen = [first_value(word) if "-m" in words else word for word in overrides]
    folder = ROOT / "conf"
    if options["-cd"]:
        folder = ROOT / options["-cd"]
        chosen.append(f"hydra.searchpath=[file://{ROOT / 'conf'}]")
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(folder), version_base="1.3"):
        compose(options["-cn"], overrides=chosen, return_hydra_config=True)


def first_value(word: str) -> str:
    """A job's word of a sweep's; that the other choices of an axis exist is checked here."""
    override = OverridesParser.create().parse_override(word)
    if not override.is_sweep_override():
        return word
    values = list(override.sweep_string_iterator())
    if (ROOT / "conf" / override.key_or_group).is_dir():
        assert set(values) <= set(choices(override.key_or_group))
    return f"{override.key_or_group}={values[0]}"


def require_script(words: list[str]) -> None:
    """A benchmark exists, and knows the options that are typed."""
    file = ROOT / words[0]
    source = "".join(each.read_text() for each in file.parent.glob("*.py"))
    for word in words[1:]:
        name = word.removeprefix("--")
        assert not word.startswith("--") or re.search(rf"[\"'](--)?{name}[\"']", source), word


def require_installable(words: list[str]) -> None:
    """Of ecgae, from a clone, with extras that exist; of other packages none."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    if words[0] in ("-c", "--constraint"):
        assert (ROOT / words[1]).is_file()
        words = words[2:]
    for word in words:
        match = re.fullmatch(r"\.(\[([\w,]+)\])?", word)
        assert match, f"{word} is on no index"
        assert set((match[2] or "test").split(",")) <= set(extras)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=str)
def test_snippets_compile_and_what_they_import_exists(block: Block):
    tree = ast.parse(block.text)
    for node in () if block.file.name.startswith(OWN_TEST) else ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(util.find_spec(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name) or util.find_spec(f"{node.module}.{alias.name}")


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "yaml"], ids=str)
def test_configs_are_those_of_the_program(block: Block, tmp_path):
    config = yaml.safe_load(block.text)
    if "defaults" in config:  # a sweep
        (tmp_path / "mine.yaml").write_text(block.text)
        GlobalHydra.instance().clear()
        path = f"hydra.searchpath=[file://{ROOT / 'conf'}]"
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            made = compose("mine", overrides=[path], return_hydra_config=True)
        for key in made.hydra.sweeper.params:
            assert (ROOT / "conf" / key).is_dir() or OmegaConf.select(made, key) is not None
    elif "_target_" not in config:  # a section of train.yaml
        sections = OmegaConf.to_container(composed(), resolve=False).values()
        assert config.keys() in [s.keys() - {"_target_"} for s in sections if isinstance(s, dict)]
        assert any(config.items() <= s.items() for s in sections if isinstance(s, dict))


def test_the_table_of_choices_is_that_of_the_configs():
    rows = re.findall(
        r"^\| `(\w+)=` \| (.+) \|$", (ROOT / "docs" / "commands.md").read_text(), re.M
    )
    axes = {axis: re.findall(r"`(\w+)`", cells) for axis, cells in rows}
    for axis in axes.keys() - {"lead_mode", "leads", "experiment"}:
        assert sorted(axes[axis]) == choices(axis)
    assert {"lead_mode", "leads", "experiment"} <= axes.keys()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the notebooks run, one after the other: the second finds the run of the first."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_prints_what_it_shows(notebook, folder, monkeypatch):
    shown = nbformat.read(notebook, as_version=4)
    run = nbformat.from_dict({**shown, "cells": [dict(cell) for cell in shown.cells]})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    NotebookClient(run, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    for before, after in zip(shown.cells, run.cells, strict=True):
        assert printed(after) == printed(before), before.source


def printed(cell: nbformat.NotebookNode) -> str:
    """What a cell prints and shows, as text; what goes to stderr may differ."""
    outputs = [each for each in cell.get("outputs", []) if each.get("name") != "stderr"]
    return "".join(each.get("text") or each["data"]["text/plain"] for each in outputs)
