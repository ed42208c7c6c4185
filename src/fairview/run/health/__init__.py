"""What is wrong, since when, and who is told: figures, conditions, notices, support."""
