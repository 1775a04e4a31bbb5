"""Every phenotype on every variant in single precision: near enough to say which pairs are worth an
exact regression.

A missing call is as if the person were left out of that variant's regression. With b the
covariates' coefficients for the genotype among the people who have a call, a missing genotype set
to its prediction Q b leaves no residual, so that one matrix product over everybody gives what
complete cases would (notation of `association`; S: who has no call):

    A = I - Q_S'Q_S,   b = A^-1 Q'g,   h'y = g'y~ + (Q_S b)'y~_S,   h'h = g'g - (Q'g)'b,
    y'y = y~'y~ - y~_S'y~_S - (Q_S'y~_S)' A^-1 (Q_S'y~_S),

of which the last term is left out: it is at most e / (1 - e) times the one before it, e the norm of
Q_S'Q_S. With a hundredth of the calls missing r2 is then 1e-5 too small, relatively, with three
tenths 1e-2.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse, special

from ecgae.statistics.association import COLLINEAR, Model, inverse_root
from ecgae.statistics.calls import Calls

PRECISION = 1e-3
"""By how much, relative, single precision may misjudge r2."""

MOST = 0.9
"""The largest share of a phenotype's variance that may be left unsaid, so that the bound on r2
stays finite."""

DOUBTFUL = 1e-3
"""Share of its variance that a variant keeps beside the covariates, below which single precision
cannot say whether it can be tested."""

HIGHEST_LEVERAGE = 0.5
"""The leverage on the covariates of the people without a call, above which a variant is computed
exactly at once."""


class Place(NamedTuple):
    """One model of the people as it enters the product: rows of people whom it leaves out are
    zero."""

    basis: slice
    """The columns of `Stack.right` that hold the basis of its covariates."""
    residuals: slice
    """The columns of `Stack.right` that hold its phenotypes beside the covariates."""
    inside: int | None
    """The column of `Stack.right` that is 1 for those the model is about and 0 for the others;
    None: everybody."""
    people: int
    """How many people the model is about."""
    combined: bool
    """True where the residuals are orthonormal and are tested at once."""


class Held(NamedTuple):
    """A model's columns once more, each kind in one piece: what people without a call hold is
    looked up in them."""

    basis: Float[np.ndarray, "individual basis"]
    """The basis of the model's covariates."""
    residuals: Float[np.ndarray, "individual phenotype"]
    """The model's phenotypes beside the covariates."""
    squares: Float[np.ndarray, "individual phenotype"] | None
    """The squared residuals; None for a combined model."""


class Stack(NamedTuple):
    """Several models of the same people side by side."""

    right: Float[np.ndarray, "individual column"]
    """The columns of all models, which genotypes are multiplied with."""
    held: tuple[Held, ...]
    """Each model's columns once more."""
    sums_of_squares: Float[np.ndarray, " column"]
    """The sum of squares of each column of residuals; 0 for the other columns."""
    places: tuple[Place, ...]
    """Where each model's columns are in `right`."""

    @property
    def insides(self) -> list[int]:
        """Columns of `right` that say whom a model is about."""
        return [place.inside for place in self.places if place.inside is not None]


class Products(NamedTuple):
    """The products of a block's genotypes with a stack's columns."""

    of_copies: Float[np.ndarray, "variant column"]
    """The copies times all columns: genotype @ right."""
    of_squares: Float[np.ndarray, "variant inside"]
    """The squared copies summed over the people of each model: genotype^2 @ right[:, insides]."""


Multiply = Callable[[Calls], Products]


def multiplier(stack: Stack) -> Multiply:
    """What computes the products of a block with `stack` on this computer's processor."""
    insides = stack.right[:, stack.insides]

    def multiply(calls: Calls) -> Products:
        genotype = calls.genotype
        squares = (
            np.square(genotype) @ insides
            if insides.size
            else np.empty((len(genotype), 0), dtype=genotype.dtype)
        )
        return Products(genotype @ stack.right, squares)

    return multiply


class Screened(NamedTuple):
    """What a model says of each variant of a block."""

    r2: Float[np.ndarray, "variant phenotype"]
    """Share of the phenotype that the variant explains beside the covariates; of a combined model,
    one column: the share of the genotype that its phenotypes explain together. NaN: not to be
    tested."""
    df: Int[np.ndarray, " variant"]
    """Degrees of freedom of each regression."""
    n: Int[np.ndarray, " variant"]
    """How many of the model's people have a call."""
    minor_allele_count: Float[np.ndarray, " variant"]
    """Copies, among those `n` people, of the allele that is rarer among everybody."""
    slack: Float[np.ndarray, " variant"]
    """The exact r2 is at most (1 + slack) times this one; infinite where it must be computed."""


def stack(
    models: list[tuple[Model, Int[np.ndarray, " _person"], bool]],
    individuals: int,
    dtype: type = np.float32,
) -> Stack:
    """The models with the people that each is about, and whether its phenotypes are tested as
    one."""
    columns = sum(model.basis.shape[1] + model.residuals.shape[1] + 1 for model, _, _ in models)
    right = np.zeros((individuals, columns), dtype=dtype)
    sums, places, start = np.zeros(columns), [], 0

    for model, people, combined in models:
        basis = slice(start, start + model.basis.shape[1])
        residuals = slice(basis.stop, basis.stop + model.residuals.shape[1])
        right[people, basis], right[people, residuals] = model.basis, model.residuals
        sums[residuals] = model.sums_of_squares

        inside = residuals.stop if len(people) < individuals else None
        if inside is not None:
            right[people, inside] = 1
        places.append(
            Place(
                basis=basis,
                residuals=residuals,
                inside=inside,
                people=len(people),
                combined=combined,
            )
        )
        start = residuals.stop + (inside is not None)

    right = np.ascontiguousarray(right[:, :start])
    return Stack(
        right=right,
        held=tuple(_held(right, place) for place in places),
        sums_of_squares=sums[:start],
        places=tuple(places),
    )


def _held(right: Float[np.ndarray, "individual column"], place: Place) -> Held:
    """The columns of one model, each kind in one piece."""
    residuals = np.ascontiguousarray(right[:, place.residuals])
    squares = None if place.combined else np.square(residuals)
    basis = np.ascontiguousarray(right[:, place.basis])
    return Held(basis=basis, residuals=residuals, squares=squares)


def screen(calls: Calls, stack: Stack, multiply: Multiply | None = None) -> list[Screened]:
    """Each model of `stack` on the variants of a block; `multiply`: what `multiplier` makes, or
    another like it."""
    products = (multiply or multiplier(stack))(calls)
    return [_screen_one(calls, stack, number, products) for number in range(len(stack.places))]


class _Counted(NamedTuple):
    """What is counted of each variant among the people whom a model is about."""

    n: Int[np.ndarray, " variant"]
    """How many have a call."""
    copies: Float[np.ndarray, " variant"]
    """Copies of the allele that is rarer among everybody."""
    squares: Float[np.ndarray, " variant"]
    """The squared copies, summed over people."""
    missing_variant: Int[np.ndarray, " missing"]
    """The row (variant) of each missing call, ascending."""
    missing_individual: Int[np.ndarray, " missing"]
    """The column (person) of each missing call."""


def _counted(calls: Calls, stack: Stack, place: Place, products: Products) -> _Counted:
    """The counts of `calls` among the people of one model."""
    variant, person = calls.missing_variant, calls.missing_individual
    if place.inside is None:
        n, effect_alleles = calls.counts.n, calls.counts.effect_allele_count
        copies = np.where(calls.flipped, 2 * n - effect_alleles, effect_alleles)
        squares = calls.counts.sum_of_squares + calls.flipped * 4 * (n - effect_alleles)
    else:
        inside = stack.right[person, place.inside] > 0
        variant, person = variant[inside], person[inside]
        n = place.people - np.bincount(variant, minlength=len(calls.flipped))
        copies = products.of_copies[:, place.inside].astype(np.float64)
        squares = products.of_squares[:, stack.insides.index(place.inside)].astype(np.float64)

    return _Counted(
        n=n, copies=copies, squares=squares, missing_variant=variant, missing_individual=person
    )


def _screen_one(calls: Calls, stack: Stack, number: int, products: Products) -> Screened:
    """The model of that number on the variants of a block."""
    place = stack.places[number]
    gq, gy = products.of_copies[:, place.basis], products.of_copies[:, place.residuals]
    n, copies, gg, variant, person = _counted(calls, stack, place, products)
    lost = _lost(variant, person, gq, stack.held[number])

    explained = np.einsum("vp,vp->v", gq, lost.coefficients, dtype=np.float64)
    rank = gq.shape[1]
    df = n - rank - 1
    left = gg - explained
    spread = gg - copies**2 / np.maximum(n, 1)
    left = np.where((df >= 1) & (spread > 1e-9 * n), np.maximum(left, COLLINEAR * spread), np.nan)
    doubtful = left < DOUBTFUL * spread

    left = left.astype(gy.dtype)
    gy = gy if lost.gy is None else gy + lost.gy
    if place.combined:
        return Screened(
            r2=(np.einsum("vk,vk->v", gy, gy) / left)[:, None],
            df=np.full_like(df, place.people - rank),
            n=n,
            minor_allele_count=copies,
            slack=np.where(doubtful, np.inf, 0),
        )

    yy = stack.sums_of_squares[place.residuals].astype(gy.dtype)

    slack = lost.slack
    if lost.yy is not None:
        left_of_yy = yy - lost.yy
        share = np.minimum(slack * (lost.yy / left_of_yy).max(axis=1), MOST)
        slack = np.where(np.isinf(slack), np.inf, share / (1 - share))
        yy = left_of_yy

    r2 = gy * gy
    r2 /= left[:, None]
    r2 /= yy
    return Screened(
        r2=r2,
        df=df,
        n=n,
        minor_allele_count=copies,
        slack=np.where(doubtful, np.inf, slack),
    )


class _Lost(NamedTuple):
    """What missing calls change, per variant; None where nobody's is missing."""

    coefficients: Float[np.ndarray, "variant basis"]
    """b, the covariates' coefficients for the genotype among those who have a call."""
    gy: Float[np.ndarray, "variant phenotype"] | None
    """(Q_S b)'y~_S, to be added to g'y~."""
    yy: Float[np.ndarray, "variant phenotype"] | None
    """y~_S'y~_S, to be taken off y~'y~; None for a combined model too."""
    slack: Float[np.ndarray, " variant"]
    """e / (1 - e) of the term that is left out; infinite where e is too large to say."""


def _lost(
    variant: Int[np.ndarray, " missing"],
    person: Int[np.ndarray, " missing"],
    gq: Float[np.ndarray, "variant basis"],
    model: Held,
) -> _Lost:
    """What the missing calls, given by `variant` (ascending) and `person`, change for one model."""
    variants, p = gq.shape
    if not len(variant):
        return _Lost(coefficients=gq, gy=None, yy=None, slack=np.zeros(variants))

    basis, residuals, squares = model
    individuals = len(basis)
    starts = np.searchsorted(variant, np.arange(variants + 1))

    held = basis[person]
    weights = sparse.csr_array(
        (np.ones(len(person), dtype=gq.dtype), person, starts), shape=(variants, individuals)
    )
    yy = None if squares is None else weights @ squares
    gram = np.empty((variants, p, p), dtype=gq.dtype)
    for column in range(p):
        weights.data = held[:, column]
        gram[:, column] = weights @ basis

    leverage = np.sqrt(np.einsum("vpq,vpq->v", gram, gram))
    exact = leverage > HIGHEST_LEVERAGE
    held_by_others = np.eye(p, dtype=gq.dtype) - gram
    coefficients = np.empty_like(gq)
    coefficients[~exact] = np.linalg.solve(held_by_others[~exact], gq[~exact, :, None])[:, :, 0]
    # Some directions may be lost with these people.
    root, _ = inverse_root(held_by_others[exact].astype(np.float64))
    coefficients[exact] = np.einsum("vpr,vqr,vq->vp", root, root, gq[exact])

    weights.data = np.einsum("mp,mp->m", held, coefficients[variant])
    slack = np.where(exact, np.inf, leverage / (1 - np.minimum(leverage, HIGHEST_LEVERAGE)))
    return _Lost(coefficients=coefficients, gy=weights @ residuals, yy=yy, slack=slack)


def least_r2(p: float, df: Int[np.ndarray, " variant"]) -> Float[np.ndarray, " variant"]:
    """The r2 of one phenotype and one variant that has this p.

    >>> least_r2(5e-8, df=np.array([1_000, 40_000])).round(5)
    array([0.02929, 0.00074])
    """
    unique, inverse = np.unique(np.maximum(df, 1), return_inverse=True)
    square = special.stdtrit(unique, p / 2) ** 2
    return (square / (square + unique))[inverse]


def chi2_of_r2(
    r2: Float[np.ndarray, "variant phenotype"], df: Int[np.ndarray, " variant"]
) -> Float[np.ndarray, "variant phenotype"]:
    """The 1-df chi-squared with the same p: its root is (8 df + 1) / (8 df + 3) * sqrt(-df log(1 -
    r2)).

    Within 0.03 % up to p of 1e-15 for 50 degrees of freedom, far closer for more (Wallace 1959,
    doi 10.1214/aoms/1177706085).

    >>> chi2_of_r2(np.array([[0.001], [0.030]]), df=np.array([1_000, 1_000])).round(2)
    array([[ 1.  ],
           [30.44]])
    """
    few = np.maximum(df, 1)
    scale = (((8 * few + 1) / (8 * few + 3)) ** 2 * few).astype(r2.dtype)[:, None]

    # -log(1 - x) by its series, for 1 - x would round away what a small x says; the large ones are
    # few.
    minus_log = r2 * (1 / 4)
    for coefficient in (1 / 3, 1 / 2, 1.0):
        minus_log += r2.dtype.type(coefficient)
        minus_log *= r2

    large = r2 > 0.05
    if large.any():
        minus_log[large] = -np.log1p(-np.minimum(r2[large], 1 - 1e-7))

    minus_log *= scale
    return minus_log
