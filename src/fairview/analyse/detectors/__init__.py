"""Detectors: what they are, the models they run, and the one room with a model runtime."""

from __future__ import annotations

import os

# onnxruntime names the machine, and reports to its maker, from its import on; this stops both.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
