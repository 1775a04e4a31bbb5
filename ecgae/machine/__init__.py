"""What the computer has: processes, memory, a queue that may take it away.

A new file here knows nothing of ECGs or genomes, and would serve any long computation.
"""
