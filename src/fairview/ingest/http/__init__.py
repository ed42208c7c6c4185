"""Cameras over HTTP: motion JPEG, single pictures, and transport streams."""
