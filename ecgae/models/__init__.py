"""What learns: architectures, objectives, training, encoding, and how well a model does its work
(`judging/`).

A new architecture or objective is a choice: one file in its folder, one yaml.
"""
