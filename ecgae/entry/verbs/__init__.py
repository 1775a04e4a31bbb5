"""The commands of `python -m ecgae`, each one module."""
