"""From files to a store of ECGs: formats, cohorts, simulated people, what a network is shown.

A new format is a file in `formats/`; a new source of people is a choice: one file in `cohort/`, one
yaml.
"""
