"""The image is missing from what vision takes, in the OpenAPI document."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    del answer.json["components"]["schemas"]["VisionRequest"]["properties"]["image_base64"]


DEFECT = Defect(
    breaks="the OpenAPI document describes what a route takes",
    caught_by=("openapi.describes_vision",),
    how=answers("/openapi.json", change=_change),
)
