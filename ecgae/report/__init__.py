"""What a run looks like: figures as PNG files in the run directory, and one self-contained HTML
page made of them."""
