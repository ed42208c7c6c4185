"""What an analyser process does with its cameras."""
