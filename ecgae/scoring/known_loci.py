"""Known ECG loci: where earlier studies found associations, the list that is shipped or one of the
user's.

The shipped list, `known_ecg_loci.tsv`, has one row per trait and locus: places (GRCh37), rsids,
genes and traits that these studies reported, as they are compiled in Verweij et al. 2020 (doi
10.1016/j.cels.2020.08.005, table S13):

- PR interval: Pfeufer 2010 (10.1038/ng.517), van Setten 2018 (10.1038/s41467-018-04766-9)
- QRS duration: Sotoodehnia 2010 (10.1038/ng.716), van der Harst 2016 (10.1016/j.jacc.2016.07.729),
  Prins 2018 (10.1186/s13059-018-1457-6); QRS amplitude (12-lead sum, Cornell, Sokolow-Lyon): van
  der Harst 2016
- QT interval: Arking 2014 (10.1038/ng.3014), Bihlmeyer 2018 (10.1161/CIRCGEN.117.001758)
- ST and T-wave amplitude: Verweij 2016 (10.1093/hmg/ddw058)
- heart rate: den Hoed 2013 (10.1038/ng.2610), Eppinga 2016 (10.1038/ng.3708)

and the morphology of P wave, QRS and ST-T from Verweij 2020 itself (table S1: variants that passed
its Bonferroni threshold, by the time of their association: 250 to 60 ms before R, within 60 ms of
it, 60 to 400 ms after it). Within 250 kb the variant with the smallest p stands for the others of its trait, and
`source` names all that reported one. Atrial fibrillation is no trait of the ECG and not listed. Later
and larger studies are not in the list.
"""

from importlib import resources
from pathlib import Path

import pandas as pd

from ecgae.errors import InputError

SHIPPED = "GRCh37"
"""The name of the shipped list: that of the genome build whose positions it has."""

COLUMNS = ("chromosome", "base_pair_location", "rsid", "gene", "trait")
SPELLINGS = {
    "chromosome": ("chromosome", "chr", "#chrom", "chrom", "#chr"),
    "base_pair_location": ("base_pair_location", "bp", "pos", "position"),
    "rsid": ("rsid", "snp"),
    "gene": ("gene",),
    "trait": ("trait", "phenotype"),
}


def read_known_loci(source: str | None, variants: pd.DataFrame) -> pd.DataFrame | None:
    """The loci to mark, in `COLUMNS` ("" where the file has no such text); None: mark none.

    `source` is `SHIPPED`, a table, or None. `variants` (with `chromosome`, `base_pair_location` and
    `rsid`) are those of the scan: rsids that are in both must be at the same place, which tells one
    genome build from another. Where they are not, or none is in both, the shipped list is skipped
    with a message. Raises `InputError` for a user's own list that cannot be read or that is of
    another build.
    """
    if source is None:
        return None

    if source == SHIPPED:
        known = _read(Path(str(resources.files(__package__) / "known_ecg_loci.tsv")))
        shared, same = _at_the_same_place(known, variants)
        if same > shared / 2:
            return known
        agreeing = (
            f"{same:,} of the {shared:,} rsids that both have are"
            if shared
            else "no rsid of the list is"
        )
        print(f"Known ECG loci are not marked: {agreeing} at its {SHIPPED} place in the genotypes.")
        return None

    known = _read(Path(source))
    shared, same = _at_the_same_place(known, variants)
    if same <= shared / 2 and shared:
        raise InputError(
            f"score.known_loci must have positions on the genome build of the genotypes; got {same:,} of {shared:,} "
            f"shared rsids at the same place in {source}. Lift it over, or set score.known_loci=null."
        )
    return known


def _at_the_same_place(known: pd.DataFrame, variants: pd.DataFrame) -> tuple[int, int]:
    """How many rsids both have, and how many of them with the same chromosome and position."""
    named = known[known["rsid"] != ""].drop_duplicates("rsid")
    there = variants.loc[
        variants["rsid"].isin(named["rsid"]), ["rsid", "chromosome", "base_pair_location"]
    ]
    both = there.drop_duplicates("rsid").merge(named, on="rsid", suffixes=("", "_known"))
    same = (both["chromosome"].astype(str) == both["chromosome_known"]) & (
        both["base_pair_location"] == both["base_pair_location_known"]
    )
    return len(both), int(same.sum())


def _read(file: Path) -> pd.DataFrame:
    """The list in `COLUMNS`, whatever the file calls them."""
    cells = _cells(file)
    spelled = {str(name).strip().lower(): name for name in cells}
    column = {
        name: next((spelled[way] for way in ways if way in spelled), None)
        for name, ways in SPELLINGS.items()
    }
    missing = [name for name in COLUMNS[:2] if column[name] is None]
    if missing:
        raise InputError(
            f"score.known_loci must have the columns chromosome and base_pair_location (or CHR and BP); {file} lacks "
            f"{' and '.join(missing)}. Name its columns so, separated by tabs or commas."
        )

    known = pd.DataFrame(
        {name: "" if own is None else cells[own].str.strip() for name, own in column.items()}
    )
    known["chromosome"] = known["chromosome"].str.removeprefix("chr")
    known["base_pair_location"] = _positions(known["base_pair_location"], file)
    return known


def _cells(file: Path) -> pd.DataFrame:
    """The cells of a table as text, separated by tabs, commas or spaces."""
    if not file.is_file():
        raise InputError(
            f"score.known_loci must be {SHIPPED} (the shipped list), a table, or null; got {file}, which is no file. "
            "Check the path."
        )

    try:
        with file.open() as lines:
            header = lines.readline()
        separator = next((mark for mark in ("\t", ",") if mark in header), r"\s+")
        return pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"score.known_loci must be a text table with a header; {file}: {str(error).strip()}."
        ) from None


def _positions(cells: pd.Series, file: Path) -> pd.Series:
    """Base pairs as whole numbers, with or without commas between thousands."""
    if cells.empty:
        raise InputError(
            f"score.known_loci must list at least one locus; {file} has none. Set score.known_loci=null."
        )
    position = pd.to_numeric(cells.str.replace(",", ""), errors="coerce")
    bad = position.isna() | (position % 1 != 0) | (position < 1)
    if bad.any():
        raise InputError(
            f"score.known_loci must have whole base-pair positions; got {cells[bad].iloc[0]!r} in {file}. "
            "Correct it there."
        )
    return position.astype("int64")
