"""The platform's clock is an hour ahead."""

from lab.breaking import Defect, haproxy_config


def _edit(text: str) -> str:
    header = "    http-response set-header Date %[date(3600),http_date]\n"
    return text.replace("frontend front\n", "frontend front\n" + header)


DEFECT = Defect(
    breaks="the clocks agree",
    caught_by=("prometheus.clock",),
    how=haproxy_config(_edit),
)
