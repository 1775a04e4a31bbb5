"""How recordings become samples of a network, and its samples recordings again."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ecgae.ecg import DERIVED_LEADS, INDEPENDENT_LEADS, LEAD_MODES, LIMB_LEADS_FROM_I_AND_II
from ecgae.errors import InputError

LEAD_SETS = ("all", "independent")
"""The choices of leads that a network sees: all that are recorded, or those that are not sums of
others."""


@dataclass(frozen=True)
class View:
    """Which leads of a recording are seen, and whether together (`joint`) or each as a sample of
    its own (`single`).

    `recorded`: the leads of the recordings. With `lead_set="independent"` III, aVR, aVL and aVF are
    left out, and computed from I and II when a recording is put together again.

    >>> from ecgae.ecg import LEADS
    >>> view = View(LEADS, lead_mode="single", lead_set="independent")
    >>> view.leads
    ('I', 'II', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6')
    >>> view.signals(np.zeros((10, 12, 600))).shape, view.channels
    ((80, 1, 600), 1)
    """

    recorded: tuple[str, ...]
    lead_mode: str = "joint"
    lead_set: str = "all"

    def __post_init__(self) -> None:
        if self.lead_mode not in LEAD_MODES:
            raise InputError(
                f"lead_mode must be one of {', '.join(LEAD_MODES)}; got {self.lead_mode!r}."
            )
        if self.lead_set not in LEAD_SETS:
            raise InputError(f"leads must be one of {', '.join(LEAD_SETS)}; got {self.lead_set!r}.")
        if self.lead_set == "independent" and not {*INDEPENDENT_LEADS[:2], *DERIVED_LEADS} <= set(
            self.recorded
        ):
            raise InputError(
                "leads=independent must have recordings with all six limb leads; "
                f"got {', '.join(self.recorded)}. Set leads=all."
            )

    @property
    def leads(self) -> tuple[str, ...]:
        """The leads that the network sees."""
        if self.lead_set == "all":
            return self.recorded
        return tuple(lead for lead in self.recorded if lead not in DERIVED_LEADS)

    @property
    def channels(self) -> int:
        """The number of leads in one sample."""
        return len(self.leads) if self.lead_mode == "joint" else 1

    @property
    def per_individual(self) -> int:
        """The number of samples that one recording gives."""
        return len(self.leads) // self.channels

    def signals(
        self, ecg: Float[np.ndarray, "individual lead time"]
    ) -> Float[np.ndarray, "signal channel time"]:
        """The samples that the network is given; a view of `ecg` where all leads are seen."""
        seen = (
            ecg
            if self.lead_set == "all"
            else ecg[:, [self.recorded.index(lead) for lead in self.leads]]
        )
        return seen.reshape(-1, self.channels, ecg.shape[-1])

    def recordings(
        self, signals: Float[np.ndarray, "signal channel time"]
    ) -> Float[np.ndarray, "individual lead time"]:
        """All recorded leads again, the derived ones as the sums of I and II that they are
        (Einthoven; Goldberger)."""
        seen = signals.reshape(-1, len(self.leads), signals.shape[-1])
        if self.lead_set == "all":
            return seen
        return np.einsum("rs,ist->irt", self._from_seen(), seen)

    def _from_seen(self) -> Float[np.ndarray, "recorded seen"]:
        """Weights with which every recorded lead is a sum of the leads that are seen."""
        limbs = dict(zip(("I", "II", *DERIVED_LEADS), LIMB_LEADS_FROM_I_AND_II, strict=True))
        weights = np.zeros((len(self.recorded), len(self.leads)), np.float32)
        one, two = self.leads.index("I"), self.leads.index("II")
        for row, lead in enumerate(self.recorded):
            if lead in limbs:
                weights[row, [one, two]] = limbs[lead]
            else:
                weights[row, self.leads.index(lead)] = 1
        return weights

    def names(self, latent_dim: int) -> list[str]:
        """Names of the latents: `latent_01`, ... for all leads jointly; `V1_latent_01`, ... for one
        lead per sample."""
        numbers = [f"latent_{index:02d}" for index in range(1, latent_dim + 1)]
        if self.lead_mode == "joint":
            return numbers
        return [f"{lead}_{number}" for lead in self.leads for number in numbers]
