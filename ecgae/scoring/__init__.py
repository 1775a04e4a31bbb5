"""From a scan to a number that can be believed: joining, scoring, checks, the gate, yardsticks,
confirmation.

A new check is a number of score.json with a limit in `gate.py`; a new yardstick is a file in
`yardstick/`.
"""
