"""Cameras of this machine: V4L2 devices."""
