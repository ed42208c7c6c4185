"""Rules over what was seen, and health."""
