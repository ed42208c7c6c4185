"""Measuring, from finished tracks drawn by hand and by chance."""
