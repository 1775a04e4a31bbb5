"""How tests type commands: each as a process of its own, or many that only fail early in one
process."""

import io
import json
import runpy
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).parent.parent
COHORT = (
    *(
        "cohort.individuals=300",
        "cohort.variants=1500",
        "cohort.chromosome_length=1_000_000",
        "cohort.planted_loci=4",
    ),
    *("cohort.planted_chromosomes=4", "cohort.variance_explained=0.5", "cohort.damaged=4"),
    *("split.select=0.6", "split.confirm=0.1"),
)


def run(script: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Runs an entry point with Python's warnings on, as its own process."""
    command = [sys.executable, str(ROOT / script), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=900, check=False
    )


def run_many(commands: list[tuple[str, ...]]) -> list[subprocess.CompletedProcess]:
    """The same for many commands, one after the other in one process: most of the seconds of a
    refusal are imports."""
    result = subprocess.run(
        [sys.executable, __file__], input=json.dumps(commands), cwd=ROOT, capture_output=True, text=True, timeout=900,
        check=True,
    )  # fmt: skip
    return [
        subprocess.CompletedProcess(command, *rest)
        for command, rest in zip(commands, json.loads(result.stdout.splitlines()[-1]), strict=True)
    ]


def refused(*command: str) -> str:
    """The one sentence that a bad command is met with."""
    return sentence(run(*command))


def sentence(result: subprocess.CompletedProcess) -> str:
    """What was said before the exit code 1."""
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    sentences = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1, result.stderr
    return sentences[0]


def _typed(command: list[str]) -> tuple[int, str, str]:
    from hydra.core.global_hydra import GlobalHydra

    out, errors, code = io.StringIO(), io.StringIO(), 0
    sys.argv = [str(ROOT / command[0]), *command[1:]]
    GlobalHydra.instance().clear()
    with redirect_stdout(out), redirect_stderr(errors):
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), errors.getvalue()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print(json.dumps([_typed(command) for command in json.load(sys.stdin)]))
