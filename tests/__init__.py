"""Fairview's tests: the folders mirror src/fairview."""
