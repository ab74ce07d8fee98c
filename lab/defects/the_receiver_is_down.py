"""Nothing listens where Alertmanager sends to."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="test alerts arrive",
    caught_by=("routing.critical_is_delivered", "routing.warning_is_delivered", "routing.info_is_delivered"),
    how=stopped("receiver"),
    also=("routing.notifications_succeed", "alerts.*"),
)
