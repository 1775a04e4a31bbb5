"""Removal of baseline wander: `(ecg [... time] mV, sampling_rate Hz) -> ecg [... time] mV`,
homogeneous: `f(a x) = a f(x)`.

A step that is linear too says so, `linear: ClassVar[bool] = True`, and is then tested for it.
"""
