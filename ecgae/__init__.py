"""ecgae: find the ECG representation that carries the most genetic signal."""
