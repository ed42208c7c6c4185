"""From pixels to what may be shown: the foreground of a picture."""
