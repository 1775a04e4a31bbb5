"""The trials of a search, in a file beside the logs of its jobs: it goes on where it was, whatever
ended it."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from ecgae.errors import InputError
from ecgae.sweeping.jobs import Value
from ecgae.sweeping.space import Space

Direction = Literal["maximize", "minimize"]
"""Whether more or less of a number is better."""

DRAWS = 1000
"""Random points that are drawn for one that was not tried."""

CHOSEN = "chosen"
"""Attribute of trials that are not proposed by the sampler, and therefore run even if they were
started before."""


class Trials:
    """The trials of a search, kept as an Optuna study in `<folder>/study.db`.

    A study is one question: axes, directions, and what all trials share (`shared`, which JSON can
    hold).
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        directions: Sequence[Direction],
        shared: Any,
        seed: int,
        n_jobs: int,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._directions = space, list(directions)
        question = json.dumps(
            [sorted(map(repr, space.axes.items())), self._directions, shared], sort_keys=True
        )
        self.name = hashlib.sha256(question.encode()).hexdigest()[:8]

        storage = optuna.storages.RDBStorage(f"sqlite:///{(folder / 'study.db').absolute()}")
        self._study = optuna.create_study(
            storage=storage, study_name=self.name, directions=self._directions, load_if_exists=True
        )

        # Another seed after each start: the same one would propose the same points again.
        seed += len(self._study.trials)
        self._study.sampler = TPESampler(seed=seed, constant_liar=n_jobs > 1)
        self._random = RandomSampler(seed=seed)
        self._take_back_running()

    def _take_back_running(self) -> None:
        """Fails the trials that a killed driver left, and proposes their points again first."""
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)
            self._choose(trial.params)

    def _choose(self, params: dict[str, Any]) -> None:
        """Makes a point the next trial."""
        self._study.enqueue_trial(params, user_attrs={CHOSEN: True})

    def completed(self) -> list[FrozenTrial]:
        """The trials that have a number for each direction."""
        return self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    def ask(self) -> FrozenTrial | None:
        """The next trial, of a point that was not tried; None where all were."""
        tried = [trial.params for trial in self._study.get_trials(deepcopy=False) if trial.params]
        trial = self._asked()
        if trial.user_attrs.get(CHOSEN) or trial.params not in tried:
            return trial
        self._study.tell(trial.number, state=TrialState.FAIL)
        for _ in range(DRAWS):
            params = {
                name: self._draw(trial, name, axis) for name, axis in self._space.axes.items()
            }
            if params not in tried:
                self._choose(params)
                return self._asked()
        return None

    def _asked(self) -> FrozenTrial:
        number = self._study.ask(self._space.axes).number
        return self._study.trials[number]

    def _draw(self, trial: FrozenTrial, name: str, axis: BaseDistribution) -> Any:
        return self._random.sample_independent(self._study, trial, name, axis)

    def tell(self, number: int, value: Value) -> bool:
        """Gives a trial its value; returns whether it is completed, with a number for each
        direction."""
        values = value if isinstance(value, tuple) else (value,)
        numbers = [float("nan") if one is None else float(one) for one in values]
        failed = any(map(math.isnan, numbers))

        if not failed and len(numbers) != len(self._directions):
            self._study.tell(number, state=TrialState.FAIL)
            raise InputError(
                f"hydra.sweeper.directions must be one of maximize, minimize for each number that a job returns "
                f"(score.select_by); got {len(self._directions)} for {len(numbers)}."
            )

        state = TrialState.FAIL if failed else TrialState.COMPLETE
        self._study.tell(number, None if failed else numbers, state=state)
        return not failed

    def best(self) -> list[FrozenTrial]:
        """The best trial, or where trials have several numbers their Pareto front."""
        return self._study.best_trials if self.completed() else []
