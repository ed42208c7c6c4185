"""Detectors: what they are, the models they run, and the one room with a model runtime."""
