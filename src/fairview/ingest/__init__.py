"""Cameras and files in: packets with camera time and wall time."""
