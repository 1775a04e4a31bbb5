"""Pure waveforms: baselines, denoisers, normalizations, beats, intervals, quality.

A new file here takes traces in mV with their sampling rate; a choice of an axis is one file in the
axis's folder.
"""
