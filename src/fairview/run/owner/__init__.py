"""What the data folder's owner does by command, with a node running or without one."""
