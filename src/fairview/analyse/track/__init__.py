"""From boxes to ways: which boxes of consecutive pictures are one road user, by place alone."""
