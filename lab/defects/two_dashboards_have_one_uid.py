"""A dashboard was copied and kept its uid: Grafana loads neither of the two."""

from lab.breaking import Defect, dashboard

DEFECT = Defect(
    breaks="every dashboard has a uid of its own",
    caught_by=("dashboards.files_loaded", "dashboards.performance", "dashboards.capacity"),
    how=dashboard("performance", lambda document: {**document, "uid": "capacity"}),
)
