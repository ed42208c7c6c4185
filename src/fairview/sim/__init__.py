"""A pretend city with known truth, and scripted faults."""
