"""What is true in the test pictures, read by eye, and how to load it."""
