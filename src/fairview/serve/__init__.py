"""HTTP and live sockets over the door."""
