"""Every `>>>` example in the docstrings of `ecgae` prints what it says."""

import ast
import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

PACKAGE = Path(__file__).parent.parent / "ecgae"
WITH_EXAMPLES = [file for file in sorted(PACKAGE.rglob("*.py")) if ">>>" in file.read_text()]

PRINTED = {
    "precision": 8,
    "threshold": 1000,
    "edgeitems": 3,
    "linewidth": 75,
    "suppress": False,
    "nanstr": "nan",
    "infstr": "inf",
    "sign": "-",
    "floatmode": "maxprec",
    "legacy": False,
}
"""NumPy's own defaults, whatever a test before this one has set."""


def named(file: Path) -> str:
    """The dotted name of a module."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def examples(file: Path) -> list[doctest.DocTest]:
    """The examples of each docstring, those of fields and constants too.

    They are read from the source: doctest itself does not see functions that are wrapped, as the
    checks of shapes and types wrap them all.
    """
    docstrings = [
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and ">>>" in node.value.value
    ]
    names = vars(importlib.import_module(named(file)))
    parser = doctest.DocTestParser()
    return [
        parser.get_doctest(
            docstring.value,
            globs=dict(names),
            name=f"{named(file)}, line {docstring.lineno}",
            filename=str(file),
            lineno=docstring.lineno - 1,
        )
        for docstring in docstrings
    ]


def report(tests: list[doctest.DocTest]) -> str:
    """What doctest says of the examples that print something else; nothing where none does."""
    runner, lines = doctest.DocTestRunner(verbose=False), []
    with np.printoptions(**PRINTED):
        for test in tests:
            runner.run(test, out=lines.append)
    return "".join(lines)


@pytest.mark.parametrize("file", WITH_EXAMPLES, ids=named)
def test_examples_print_what_they_say(file):
    tests = examples(file)
    assert any(test.examples for test in tests), "'>>>' stands outside of docstrings only"
    assert report(tests) == ""


def test_an_example_that_prints_something_else_fails():
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert "Expected:\n    3\nGot:\n    2" in report([wrong])


def test_at_least_fifteen_modules_have_examples():
    assert len(WITH_EXAMPLES) >= 15
