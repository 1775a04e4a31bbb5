"""The formats that recordings come in, each read with nothing but its own specification.

A new one gives `recording.Recording`, and an `InputError` for every file that it cannot read.
"""
