"""What a run looks like: figures as PNG files in the run directory, and one self-contained HTML
page made of them.

A new file here draws or words what is already computed; `style.py` says how all of it looks.
"""
