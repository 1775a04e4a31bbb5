"""Slow readable twins of the cleaning steps, as a user would write them: one trace [time] in mV,
double precision.

Each takes the trace, the sampling rate and the numbers of the step; SciPy and PyWavelets do the
work where they can.
"""

import math

import numpy as np
import pywt
import scipy.fft
from scipy import interpolate, ndimage, signal


def none(ecg, sampling_rate):
    return ecg.copy()


def moving_average(ecg, sampling_rate, window):
    return ecg - ndimage.uniform_filter1d(ecg, round(window * sampling_rate), mode="reflect")


def two_stage_median(ecg, sampling_rate, first, second):
    baseline = ecg
    for window in (first, second):
        samples = int(window * sampling_rate)
        baseline = ndimage.median_filter(baseline, samples + (samples % 2 == 0), mode="reflect")
    return ecg - baseline


def highpass(ecg, sampling_rate, cutoff, order):
    sections = signal.butter(order, cutoff, "highpass", fs=sampling_rate, output="sos")
    return signal.sosfiltfilt(
        sections, ecg, padlen=min(len(ecg) - 1, round(sampling_rate / cutoff))
    )


def spline(ecg, sampling_rate, window, stretch, quiet):
    count = max(1, round(len(ecg) / (window * sampling_rate)))
    length = len(ecg) // count
    around = max(2, round(stretch * sampling_rate))
    mirrored = np.pad(ecg, (around // 2, around - around // 2 - 1), mode="symmetric")
    variance = np.lib.stride_tricks.sliding_window_view(mirrored, around).var(axis=-1)
    times, levels = [], []
    for start in range(0, count * length, length):
        inside = np.arange(start, start + length)
        limit = np.sort(variance[inside])[max(1, round(quiet * length)) - 1]
        quietest = inside[variance[inside] <= limit * (1 + 1e-6)]
        times.append(quietest.mean())
        levels.append(ecg[quietest].mean())
    if count == 1:
        return ecg - levels[0]
    baseline = interpolate.CubicSpline(times, levels, bc_type="natural")
    return ecg - baseline(np.clip(np.arange(len(ecg)), times[0], times[-1]))


def fft(ecg, sampling_rate, low, high):
    spectrum = scipy.fft.rfft(ecg)
    frequency = scipy.fft.rfftfreq(len(ecg), 1 / sampling_rate)
    spectrum[(frequency < low) | (frequency > high)] = 0
    return scipy.fft.irfft(spectrum, len(ecg))


def fft_wiener(ecg, sampling_rate, threshold, window):
    spectrum = scipy.fft.rfft(ecg)
    mean, spectrum[0] = spectrum[0], 0
    magnitude = np.abs(spectrum)
    spectrum[magnitude < threshold * np.median(magnitude)] = 0
    spectrum[0] = mean
    strong = scipy.fft.irfft(spectrum, len(ecg))
    samples = int(window * sampling_rate)
    samples += samples % 2 == 0
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(strong, samples // 2, mode="symmetric"), samples
    )
    local_mean, local_variance = windows.mean(axis=-1), windows.var(axis=-1)
    noise = np.median(local_variance)
    gain = np.zeros(len(ecg))
    np.divide(local_variance - noise, local_variance, out=gain, where=local_variance > noise)
    return local_mean + gain * (strong - local_mean)


def dwt(ecg, sampling_rate, wavelet, level, mode, threshold, sigma):
    approximation, *details = pywt.wavedec(ecg, wavelet, level=level)
    finest = np.median(np.abs(details[-1])) / 0.6745
    shrunk = []
    for detail in details:
        noise = finest if sigma == "finest" else np.median(np.abs(detail)) / 0.6745
        limit = {"visushrink": _visushrink, "sure": _sure, "bayes": _bayes}[threshold](
            detail, noise, len(ecg)
        )
        shrunk.append(pywt.threshold(detail, limit, mode))
    return pywt.waverec([approximation, *shrunk], wavelet)[: len(ecg)]


def _visushrink(detail, noise, samples):
    return noise * math.sqrt(2 * math.log(samples))


def _sure(detail, noise, samples):
    count = len(detail)
    universal = noise * math.sqrt(2 * math.log(count))
    if np.mean(detail**2) - noise**2 <= noise**2 * math.log2(count) ** 1.5 / math.sqrt(count):
        return universal
    candidates = [limit for limit in (0, *sorted(np.abs(detail))) if limit <= universal]
    return min(candidates, key=lambda limit: _steins_risk(detail, noise, limit))


def _steins_risk(detail, noise, limit):
    size = np.abs(detail)
    return noise**2 * (len(detail) - 2 * np.sum(size <= limit)) + np.sum(
        np.minimum(size, limit) ** 2
    )


def _bayes(detail, noise, samples):
    ecg = math.sqrt(max(np.mean(detail**2) - noise**2, 0))
    return noise**2 / ecg if ecg > 0 else np.inf


def notch(ecg, sampling_rate, frequency, quality):
    settling = round(3 * quality / (math.pi * frequency) * sampling_rate)
    numerator, denominator = signal.iirnotch(frequency, quality, sampling_rate)
    return signal.filtfilt(numerator, denominator, ecg, padlen=min(len(ecg) - 1, settling))
