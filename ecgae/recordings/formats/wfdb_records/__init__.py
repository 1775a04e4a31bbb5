"""Reads WFDB records, PhysioNet's format: a text header (`.hea`), samples (`.dat`, `.mat`) and
annotations (`.atr`).

The wfdb package decodes samples and annotations. Before it is trusted with a file, the header has
been read strictly (`header`) and compared with the files' sizes; afterwards the header's checksums,
which the package leaves out, are compared with the samples. Nothing is fetched from a network: all
files lie beside the header.
"""
