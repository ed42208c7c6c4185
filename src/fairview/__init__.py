"""Fairview runs a city's cameras without identifying anyone, and lets its people check."""

__version__ = "0.2.0"
