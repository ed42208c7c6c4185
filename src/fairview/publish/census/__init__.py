"""The census of cameras: published claims and surveyed cameras, ranked without hiding the doubt.

A claim is a figure somebody printed; a surveyed camera is a point or a register row somebody
recorded. The two never meet in one list. Everything keeps its source file's digest and row.
"""
