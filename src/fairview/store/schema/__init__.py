"""The catalogue's tables, as prose (tables.py), and the way there from older versions."""
