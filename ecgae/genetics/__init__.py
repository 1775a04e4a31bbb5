"""Genotypes, which variants are tested, and the programs that test them (`engine/`).

A new format of genotypes is a file in `genotypes/`; who scans is a choice: one file in `engine/`,
one yaml.
"""
