"""The only home of Hydra: from a command to components, and from an error to one sentence.

A new verb of `ecgae` is a file in `verbs/`.
"""
