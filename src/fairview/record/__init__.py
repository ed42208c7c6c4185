"""Packets to sealed segments, gaps, and the ranges that can be played."""
