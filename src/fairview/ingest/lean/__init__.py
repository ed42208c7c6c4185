"""Our own reader for H.264 and H.265 over RTSP in TCP: buffers, not packets, are the work."""
