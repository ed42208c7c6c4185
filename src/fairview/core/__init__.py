"""Values only, no I/O: the words every other room speaks."""
