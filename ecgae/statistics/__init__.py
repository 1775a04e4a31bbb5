"""Pure numbers: regression, tests, loci, LD, heritability, calibration.

A new file here takes arrays and gives arrays, cites its formula, and has a slow twin in
`tests/reference.py`.
"""
