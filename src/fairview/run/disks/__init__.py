"""The disks of a node: opened, tended, forecast, changed."""
