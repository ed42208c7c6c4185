"""A data folder cared for: checked, mended, backed up, restored, upgraded; many cameras at once."""
