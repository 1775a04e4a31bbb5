"""Finds the genotype files that a name means."""

from pathlib import Path

from ecgae.errors import InputError
from ecgae.genetics.genotypes.contract import AUTOSOMES

CHROMOSOME = "{chromosome}"


def find(pattern: str, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    """One file, or those of the autosomes in numeric order, all of one format.

    A name is a prefix (`x` for x.bed or x1.bed ... x22.bed), may have `{chromosome}` in it, and may
    end in a suffix.
    """
    given = [suffix for suffix in suffixes if pattern.endswith(suffix)]
    stem = pattern.removesuffix(given[0]) if given else pattern
    if CHROMOSOME not in stem:
        single = {suffix: _existing(stem + suffix, ("",)) for suffix in given or suffixes}
        if any(single.values()):
            return _only_one(pattern, single)

    per_chromosome = stem if CHROMOSOME in stem else stem + CHROMOSOME
    split = {suffix: _existing(per_chromosome + suffix, AUTOSOMES) for suffix in given or suffixes}
    if not any(split.values()):
        raise InputError(_nothing(pattern, stem, per_chromosome, given or list(suffixes)))

    files = _only_one(pattern, split)
    unused = [
        file.name for file in _existing(per_chromosome + files[0].suffix, ("X", "Y", "XY", "MT"))
    ]
    if unused:
        print(
            f"{len(unused)} files of chromosomes other than 1-22 are not used: {', '.join(unused)}."
        )
    return files


def _existing(pattern: str, chromosomes: tuple[str, ...]) -> tuple[Path, ...]:
    """The files of these chromosomes that exist, in this order."""
    files = (Path(pattern.replace(CHROMOSOME, name)) for name in chromosomes)
    return tuple(file for file in files if file.exists())


def _only_one(pattern: str, by_suffix: dict[str, tuple[Path, ...]]) -> tuple[Path, ...]:
    """The files of the one format that there is; raises `InputError` where there are several."""
    there = {suffix: files for suffix, files in by_suffix.items() if files}
    if len(there) > 1:
        names = " and ".join(files[0].name for files in there.values())
        raise InputError(
            f"genotypes must be files of one format; {pattern} means {names} alike. "
            f"Add the ending, e.g. genotypes={pattern}{next(iter(there))}."
        )
    return next(iter(there.values()))


def _nothing(pattern: str, stem: str, per_chromosome: str, suffixes: list[str]) -> str:
    """The sentence to say where there is no file of any format."""
    first = per_chromosome.replace(CHROMOSOME, "1") + suffixes[0]
    tried = f"no {first}" if CHROMOSOME in stem else f"neither {stem}{suffixes[0]} nor {first}"
    others = f" (nor {', '.join(suffixes[1:])})" if suffixes[1:] else ""
    return (
        f"genotypes must be the prefix of .bed, .pgen or .bgen files, or a name with {CHROMOSOME}; got {pattern}, "
        f"but there is {tried}{others}. Check the path."
    )
