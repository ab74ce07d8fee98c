"""Both OCR providers take more than two seconds."""

from lab.breaking import Defect, both, toxic

DEFECT = Defect(
    breaks="95 % of OCR requests take at most two seconds",
    caught_by=("slo.ocr_latency",),
    how=both(toxic("paddle", "latency", latency=2600), toxic("deepseek_hf", "latency", latency=2600)),
    also=("*",),
)
