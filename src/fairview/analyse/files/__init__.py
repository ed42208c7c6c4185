"""Tracks and detections of other tools, read and written."""
