"""What the public gets: register, reports, census, open data."""
