"""The road under a camera: calibration, metres for pixels, speeds, each with its error."""
