"""Who: tables of people, ids, families, covariates, and who trains, scores and confirms (`split/`).

A new file here reads or joins facts about people; it never sees a waveform or a genotype.
"""
