"""Removal of noise: `(ecg [... time] mV, sampling_rate Hz) -> ecg [... time] mV`, homogeneous: `f(a
x) = a f(x)`."""
