"""The Lease, the rights it needs, the pods that must be there and the stop switch, in the API server of Kubernetes."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chaos.lease import Held, held
from chaos.ledger import HeldError
from selfcheck.contract import DEFAULT_CONTRACT
from selfcheck.observation import CouldNotObserve
from selfcheck.waiting import wait_until
from tests import clusters
from tests.chaos.experiments import (
    CLEAN_SECONDS,
    EXIT_REFUSED,
    EXPERIMENT,
    await_clean,
    changed_proxies,
    faulted,
    run,
)
from tests.clusters import CONTEXT, DEPLOYMENT, DEPLOYMENTS, NAMESPACE, NOBODY, RUNNER, hurry_leases, made, say_ready
from tests.labs import free_lab, rest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.supervisor import Lab
    from tests.clusters import ApiServer

pytestmark = pytest.mark.slow

NAME = "selfcheck-chaos"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SWITCH = "selfcheck-stop"
AT_ONCE = 4


@pytest.fixture
def cluster(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    """A cluster without a Lease, as a user that has no more than the rights that a run needs."""
    if lease(server) is not None:
        server.ask("DELETE", f"{LEASES}/{NAME}")
    server.kubeconfig(tmp_path, monkeypatch, RUNNER)
    return server


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases last as always, in seconds instead of minutes."""
    hurry_leases(monkeypatch)


place = partial(clusters.place, NAME)


def lease(server: ApiServer) -> Any:
    """The Lease as the server has it; None where there is none."""
    return server.ask("GET", f"{LEASES}/{NAME}")


def holder(server: ApiServer) -> str:
    found = lease(server)
    return "" if found is None else str(found["spec"].get("holderIdentity") or "")


def write(server: ApiServer, who: str, seconds: int = 2) -> None:
    """Be somebody who takes the Lease without asking, as a run that was killed has left it."""
    times = {"acquireTime": "2026-11-01T09:00:00.000000Z", "renewTime": "2026-11-01T09:10:00.000000Z"}
    spec = {"holderIdentity": who, "leaseDurationSeconds": seconds, **times}
    if lease(server) is None:
        server.ask("POST", LEASES, {"metadata": {"name": NAME}, "spec": spec})
    else:
        server.ask("PATCH", f"{LEASES}/{NAME}", {"spec": spec})


@pytest.mark.usefixtures("hurried")
class TestTheLease:
    def test_it_is_taken_renewed_and_given_back(self, cluster: ApiServer) -> None:
        with held(place("run-1")) as lock:
            assert holder(cluster) == "run-1"
            before = lease(cluster)["spec"]
            wait_until(
                lambda: lease(cluster)["spec"]["renewTime"] != before["renewTime"], timeout_seconds=10, what="a renewal"
            )
            assert lease(cluster)["spec"]["acquireTime"] == before["acquireTime"]
            assert lock.lost == ""
        assert holder(cluster) == ""
        with held(place("run-2")):
            assert holder(cluster) == "run-2"

    def test_a_second_run_is_refused_while_it_is_renewed(self, cluster: ApiServer) -> None:
        with (
            held(place("run-1")) as lock,
            pytest.raises(HeldError, match=rf"the Lease {NAMESPACE}/{NAME}: run-1 since 20"),
            held(place("run-2")),
        ):
            pass
        assert lock.lost == ""
        assert holder(cluster) == ""

    def test_that_of_a_run_that_was_killed_is_taken_when_its_time_is_over(self, cluster: ApiServer) -> None:
        write(cluster, "run-1")
        with held(place("run-2")):
            assert holder(cluster) == "run-2"

    @pytest.mark.parametrize("left", ["", "run-0"], ids=["there is none", "a killed run has left one"])
    def test_of_several_at_once_one_gets_it(self, cluster: ApiServer, left: str) -> None:
        if left:
            write(cluster, left)
        ready, ends = threading.Barrier(AT_ONCE), threading.Event()
        got: list[Held] = []
        refused: list[HeldError] = []

        def work(number: int) -> None:
            mine = place(f"run-{number}")
            mine.look()  # the package that reads the kubeconfig is loaded by now
            ready.wait(30)
            try:
                with held(mine) as lock:
                    got.append(lock)
                    ends.wait(30)
            except HeldError as error:
                refused.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, AT_ONCE + 1)]
        try:
            for thread in threads:
                thread.start()
            wait_until(lambda: len(got) + len(refused) == AT_ONCE, timeout_seconds=30, what="all to have tried")
            assert len(got) == 1
            assert got[0].lost == ""
        finally:
            ends.set()
            for thread in threads:
                thread.join()
        assert holder(cluster) == ""

    def test_one_that_was_taken_by_somebody_else_is_lost(self, cluster: ApiServer) -> None:
        with held(place("run-1")) as lock:
            write(cluster, "run-2")
            wait_until(lambda: lock.lost != "", timeout_seconds=10, what="it to be noticed")
            assert "is now held by run-2" in lock.lost
        assert holder(cluster) == "run-2", "what is somebody else's is not given back"

    def test_a_label_that_somebody_puts_on_it_takes_nothing(self, cluster: ApiServer) -> None:
        with held(place("run-1")) as lock:
            cluster.ask("PATCH", f"{LEASES}/{NAME}", {"metadata": {"labels": {"seen": "yes"}}})
            renewed = lease(cluster)["spec"]["renewTime"]
            wait_until(
                lambda: lease(cluster)["spec"]["renewTime"] != renewed, timeout_seconds=10, what="renewals to go on"
            )
            assert lock.lost == ""

    def test_without_the_right_it_says_which(
        self, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.kubeconfig(tmp_path, monkeypatch, NOBODY)
        with pytest.raises(CouldNotObserve, match='cannot get resource "leases"') as refused, held(place("run-1")):
            pass
        assert "right to do this" in refused.value.hint


# ------------------------------------------------------------------------------------------------------- whole runs


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with free_lab(tmp_path_factory.mktemp("lab"), window_max_seconds=6.0) as found:
        yield found


@pytest.fixture
def settings(cluster: ApiServer, tmp_path: Path) -> dict[str, str]:
    """What brings the cluster into the scope of a run, and names a ConfigMap that stops it."""
    assert cluster.url
    contract = tmp_path / "contract"
    shutil.copytree(DEFAULT_CONTRACT, contract)
    file = contract / "chaos.toml"
    text = file.read_text(encoding="utf-8")
    assert f'\nlease = "{NAMESPACE}/{NAME}"\n' in text
    file.write_text(text.replace("\nlease = ", f'\nconfig_map = "{NAMESPACE}/{SWITCH}"\nlease = '), encoding="utf-8")
    kubeconfig = str(tmp_path / "kubeconfig")
    return {"KUBECONFIG": kubeconfig, "SELF_CHECK_KUBE_CONTEXT": CONTEXT, "SELF_CHECK_CONTRACT": str(contract)}


@pytest.fixture
def deployment(cluster: ApiServer) -> Iterator[None]:
    """The platform's pods are all ready."""
    with made(cluster, DEPLOYMENTS, DEPLOYMENT):
        say_ready(cluster, 3)
        yield


@pytest.mark.lab
@pytest.mark.usefixtures("deployment")
def test_a_run_is_refused_while_a_pod_is_missing(
    lab: Lab, cluster: ApiServer, tmp_path: Path, settings: dict[str, str]
) -> None:
    rest(lab)
    say_ready(cluster, 2)
    ran = run(lab, tmp_path, **settings)
    assert ran.code == EXIT_REFUSED, ran.stdout
    assert f"2 of 3 pods of the Deployment {NAMESPACE}/cad-ml-platform are ready" in ran.text
    assert holder(cluster) == ""


@pytest.mark.lab
@pytest.mark.usefixtures("hurried", "deployment")
def test_a_run_is_refused_while_somebody_else_holds_it(
    lab: Lab, cluster: ApiServer, tmp_path: Path, settings: dict[str, str]
) -> None:
    rest(lab)
    with held(place("the run of another machine")):
        ran = run(lab, tmp_path, **settings)
    assert ran.code == EXIT_REFUSED, ran.stdout
    assert f"another run holds the Lease {NAMESPACE}/{NAME}: the run of another machine since 20" in ran.text
    assert holder(cluster) == ""


@pytest.mark.lab
@pytest.mark.usefixtures("deployment")
def test_a_run_holds_it_and_heeds_the_switch(
    lab: Lab, cluster: ApiServer, tmp_path: Path, settings: dict[str, str]
) -> None:
    rest(lab)
    with faulted(lab, tmp_path, **settings) as gate:
        assert holder(cluster)
        with made(cluster, MAPS, {"metadata": {"name": SWITCH}, "data": {"stop": "true"}}):
            wait_until(lambda: changed_proxies(lab) == [], timeout_seconds=CLEAN_SECONDS, what="the fault to go")
            ran = gate.wait(120.0)
    await_clean(lab, tmp_path)
    assert f"the stop switch in the ConfigMap {NAMESPACE}/{SWITCH} is set" in ran.text, ran.stdout
    assert holder(cluster) == ""
    assert f"chaos.{EXPERIMENT}.undone" in ran.ids("PASS")
