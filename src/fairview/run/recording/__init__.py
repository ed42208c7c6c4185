"""What a recorder process does with its cameras."""
