"""The run directory, and its mirror in W&B.

A new file here reads or writes what is in a run directory; what runs are worth, together, is in
`comparison/`.
"""
