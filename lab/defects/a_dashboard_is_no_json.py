"""A comma too many in a dashboard's file: it is not loaded."""

from lab.breaking import Defect, dashboard_text

DEFECT = Defect(
    breaks="every dashboard is loaded",
    caught_by=("dashboards.files_loaded", "dashboards.slo"),
    how=dashboard_text("slo", lambda text: text.replace('"panels": [', '"panels": [,', 1)),
)
