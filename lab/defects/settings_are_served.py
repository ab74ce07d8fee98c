"""The file with the settings lies where the web server looks for pages."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 200
    answer.headers["Content-Type"] = "text/plain"
    answer.text = "REDIS_URL=redis://redis:6379/0\nMAX_WORKERS=4\n"


DEFECT = Defect(
    breaks="nothing of the installation is served",
    caught_by=("security.nothing_of_the_inside_is_served",),
    how=answers("/.env", change=_change),
)
