"""Behaves as REGENIE's documentation says of quantitative traits and PLINK 1 files, as far as the
adapter asks.

Step 1 predicts nothing (zero for everybody); step 2 is linear regression. Beside what is asked for
it writes a row of another test per variant, and it has no result for the variant at 5000 base
pairs.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import special

HEADER = "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA SE CHISQ LOG10P EXTRA"
COPIES = np.array([2, np.nan, 1, 0])


def arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--step", type=int, choices=(1, 2), required=True)
    parser.add_argument("--bed", required=True)
    parser.add_argument("--phenoFile", required=True)
    parser.add_argument("--bsize", type=int, required=True)
    parser.add_argument("--out", required=True)
    for option in ("--covarFile", "--pred", "--extract", "--chr", "--lowmem-prefix"):
        parser.add_argument(option)
    for flag in ("--strict", "--loocv", "--lowmem", "--ignore-pred"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--qt", action="store_true", required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--minMAC", type=float, default=5)
    return parser.parse_args()


def cells(file):
    return [line.split() for line in Path(file).read_text().splitlines()]


def table(file, people):
    """The names of the columns, and the values of these people; NaN for who is not there."""
    header, *rows = cells(file)
    assert header[:2] == ["FID", "IID"]
    values = {
        tuple(row[:2]): [np.nan if cell == "NA" else float(cell) for cell in row[2:]]
        for row in rows
    }
    return header[2:], np.array(
        [values.get(person, [np.nan] * len(header[2:])) for person in people]
    )


def main():
    asked = arguments()
    people = [tuple(row[:2]) for row in cells(f"{asked.bed}.fam")]
    names, y = table(asked.phenoFile, people)
    x = table(asked.covarFile, people)[1] if asked.covarFile else np.empty((len(people), 0))
    if asked.step == 1:
        predict(asked, people, names)
    else:
        test(asked, names, y, x)


def predict(asked, people, names):
    head = " ".join(["FID_IID", *("_".join(person) for person in people)]) + "\n"
    rows = "".join(f"{chromosome}{' 0' * len(people)}\n" for chromosome in range(1, 24))
    listed = []
    for number, name in enumerate(names, start=1):
        file = Path(f"{asked.out}_{number}.loco").resolve()
        file.write_text(head + rows)
        listed.append(f"{name} {file}\n")
    Path(f"{asked.out}_pred.list").write_text("".join(listed))


def test(asked, names, y, x):
    assert asked.ignore_pred or {row[0] for row in cells(asked.pred)} == set(names)
    wanted = {row[0] for row in cells(asked.extract)}
    size = -(-len(y) // 4)
    calls = np.frombuffer(Path(f"{asked.bed}.bed").read_bytes()[3:], dtype=np.uint8).reshape(
        -1, size
    )
    variants = [
        (row, at)
        for row, at in zip(cells(f"{asked.bed}.bim"), calls, strict=True)
        if row[1] in wanted
    ]
    for column, name in enumerate(names):
        lines = [HEADER]
        for (chromosome, *variant), packed in variants:
            if chromosome == asked.chr:
                dosage = COPIES[(packed[:, None] >> np.array([0, 2, 4, 6])) & 3].ravel()[: len(y)]
                lines += lines_of([chromosome, *variant], dosage, y[:, column], x, asked.minMAC)
        Path(f"{asked.out}_{name}.regenie").write_text("\n".join(lines) + "\n")


def lines_of(variant, dosage, y, x, rarest):
    known = ~np.isnan(dosage) & ~np.isnan(y) & ~np.isnan(x).any(axis=1)
    n, frequency = known.sum(), dosage[known].mean() / 2
    if min(frequency, 1 - frequency) * 2 * n < rarest:
        return []
    design = np.column_stack([dosage[known], np.ones(n), x[known]])
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ y[known]
    df = n - design.shape[1]
    se = np.sqrt(np.sum((y[known] - design @ coefficients) ** 2) / df * inverse[0, 0])
    t = coefficients[0] / se
    p = -np.log10(special.betainc(df / 2, 0.5, df / (df + t**2)))
    chromosome, name, _, position, allele_1, allele_2 = variant
    found = (
        f"{coefficients[0]:.6g} {se:.6g} {t**2:.6g} {p:.6g} NA"
        if position != "5000"
        else "NA NA NA NA TEST_FAIL"
    )
    start = f"{chromosome} {position} {name} {allele_2} {allele_1} {frequency:.6g} {n}"
    return [f"{start} ADD {found}", f"{start} ADD-INT_SNP 9 0.001 1e5 300 NA"]


if __name__ == "__main__":
    main()
