"""Removal of baseline wander: `(ecg [... time] mV, sampling_rate Hz) -> ecg [... time] mV`, linear
in the voltage."""
