"""Which events of a camera's own analytics are taken over ONVIF. Pure.

Cameras offer far more than Fairview may know. What is taken is listed; everything else is refused,
and what would tell one person or vehicle from another is refused by name, so that nobody adds it
to the list by mistake (design, section 2: never here).

Source:  ONVIF Core specification 24.12, section 9.5 (topics); Analytics Service Specification
         24.12, appendix A (rules) and section 5.3.
"""

from __future__ import annotations

from typing import Literal

from fairview.core.errors import BadInput

TopicKind = Literal["motion", "line_crossed", "field_entered", "loitering", "tamper", "signal_lost"]

_TAKEN: dict[str, TopicKind] = {
    "VideoSource/MotionAlarm": "motion",
    "RuleEngine/CellMotionDetector/Motion": "motion",
    "RuleEngine/MotionRegionDetector/Motion": "motion",
    "RuleEngine/LineDetector/Crossed": "line_crossed",
    "RuleEngine/FieldDetector/ObjectsInside": "field_entered",
    "RuleEngine/LoiteringDetector/ObjectIsLoitering": "loitering",
    "RuleEngine/TamperDetector/Tamper": "tamper",
    "VideoSource/GlobalSceneChange/AnalyticsService": "tamper",
    "VideoSource/ImageTooDark/AnalyticsService": "tamper",
    "VideoSource/ImageTooBlurry/AnalyticsService": "tamper",
    "VideoSource/SignalLoss": "signal_lost",
}
_NEVER = ("face", "plate", "lpr", "anpr", "recogni", "identif", "biometric", "license", "licence")


def topic_kind(topic: str) -> TopicKind:
    """What a topic such as `tns1:RuleEngine/LineDetector/Crossed` tells.

    Errors:  BadInput for any topic that is not taken, and why.
    """
    path = "/".join(part.rpartition(":")[2] for part in topic.strip("/").split("/"))
    if any(word in path.lower() for word in _NEVER):
        raise BadInput(
            f"the event {topic} tells people or vehicles apart: Fairview never takes it. Switch it "
            "off in the camera"
        )
    kind = _TAKEN.get(path)
    if kind is None:
        raise BadInput(
            f"the event {topic} is not one that Fairview takes: {', '.join(sorted(_TAKEN))}"
        )
    return kind
