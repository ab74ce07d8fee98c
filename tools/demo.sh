#!/bin/sh
# Start the lab, run the strict gate against it, say where the report is, stop the lab: `make demo`.
# Arguments go to pytest. The exit code is the gate's, or the lab's when it does not start.
set -u
cd "$(dirname "$0")/.." || exit 1

python=.venv/bin/python
lab=${LAB_DIRECTORY:-.lab}

stop_lab() {
    code=$?
    trap '' INT TERM HUP # the lab comes down whatever the user presses meanwhile
    trap - EXIT
    "$python" -m lab down
    exit "$code"
}
# Before the start: a lab that came up half-way is to come down too.
trap stop_lab EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

"$python" -m lab up || exit

set -a
# shellcheck disable=SC1091 # written by the lab
. "$lab/lab.env"
set +a
SELF_CHECK_STRICT=1 "$python" -m pytest checks "$@"
code=$?

echo
echo "self-check: exit code $code"
exit "$code"
