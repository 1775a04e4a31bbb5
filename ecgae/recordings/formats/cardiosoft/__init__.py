"""Readers of CardioSoft XML: UK Biobank's resting (field 20205) and exercise ECG (field 6025).

Names, birth dates and study identifiers are in these files too; nothing of them is read.
"""
