"""How good a trained model is, before any genome is asked: on one scale, in mV, in people not used
in training.

A new judgement is a file with a function of `Fitted`, its latents or its reconstructions;
`judge.py` calls it.
"""
