from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.ingest.onvif_topics import topic_kind


def test_topics_are_taken_whatever_their_name_space_is_called() -> None:
    assert topic_kind("tns1:RuleEngine/LineDetector/Crossed") == "line_crossed"
    assert topic_kind("tns1:RuleEngine/tnsaxis:LineDetector/Crossed") == "line_crossed"
    assert topic_kind("VideoSource/MotionAlarm") == "motion"


@pytest.mark.parametrize(
    "topic",
    [
        "tns1:RuleEngine/Recognition/Face",
        "tns1:RuleEngine/Recognition/LicensePlate",
        "tns1:RuleEngine/FaceDetector/Face",
        "tns1:VideoAnalytics/ANPR/Plate",
        "tns1:RuleEngine/LineDetector/Crossed/FaceID",
        "tns1:UserAlarm/LPR",
    ],
)
def test_faces_and_plates_are_refused_by_name(topic: str) -> None:
    with pytest.raises(BadInput, match="never takes"):
        topic_kind(topic)


@given(st.text(max_size=60))
def test_anything_else_is_refused(topic: str) -> None:
    with pytest.raises(BadInput):
        topic_kind(f"tns1:RuleEngine/{topic}Detector")
