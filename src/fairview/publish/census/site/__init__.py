"""The published census: static pages that need no script, a feed, and the open data."""
