"""Engines by Beam's own options: what is added, what is checked before anything starts, what reaches a job server."""

from __future__ import annotations

import socket

import pytest

from components.beam import engines
from components.errors import InputError


def test_without_an_engine_the_job_runs_in_memory_by_name():
    assert engines.resolve([]) == ["--runner=FnApiRunner"]
    assert engines.resolve(["--direct_num_workers=2"]) == ["--runner=FnApiRunner", "--direct_num_workers=2"]
    flink = ["--runner=FlinkRunner", "--flink_master=h:1"]
    assert engines.resolve(flink) == flink
    assert engines.parse(["--runner=X --a='1 2'", "--b=3"]) == ["--runner=X", "--a=1 2", "--b=3"]


def test_tfx_packs_nothing_for_workers_that_need_no_container():
    unused = "--sdk_container_image=unused"
    assert unused in engines.for_tfx([])
    assert unused in engines.for_tfx(["--runner=FlinkRunner", "--environment_type=EXTERNAL"])
    assert unused not in engines.for_tfx(["--runner=DataflowRunner"])
    assert engines.for_tfx(["--runner=FnApiRunner", "--sdk_container_image=mine"])[-1] == "--sdk_container_image=mine"


def test_prism_is_what_lies_here_and_never_a_download(monkeypatch, tmp_path):
    monkeypatch.setattr(engines.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="Prism is not on this machine"):
        engines.resolve(["--runner=PrismRunner"])
    (tmp_path / "prism").write_text("")
    (tmp_path / "prism").chmod(0o755)
    assert f"--prism_location={tmp_path / 'prism'}" in engines.resolve(["--runner=PrismRunner"])
    assert engines.resolve(["--runner=PrismRunner", "--prism_location=/p"])[-1] == "--prism_location=/p"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--runner=PortableRunner", "--job_endpoint={free}"], "no job server listens at"),
        (["--environment_type=EXTERNAL", "--environment_config={free}"], "no worker pool listens at"),
        (
            ["--environment_type", "EXTERNAL", "--environment_config", '{{"url": "{free}"}}'],
            "no worker pool listens at",
        ),
        (["--runner=FlinkRunner", "--flink_master={free}"], "no Flink master listens at"),
        (["--job_endpoint=somewhere"], "cannot read the address"),
    ],
)
def test_somebody_who_does_not_listen_is_named_at_once(options, says):
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port
        taken.bind(("localhost", 0))
        free = f"localhost:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=says) as error:
            engines.check([option.format(free=free) for option in options])
    assert error.value.action


def test_a_cluster_s_workers_need_a_pool_on_their_hosts_and_this_host_need_not_have_one(caplog):
    with socket.socket() as taken, socket.create_server(("localhost", 0)) as master:
        taken.bind(("localhost", 0))
        pool, here = (f"localhost:{one.getsockname()[1]}" for one in (taken, master))
        external = ["--environment_type=EXTERNAL", f"--environment_config={pool}"]
        engines.check(["--runner=FlinkRunner", f"--flink_master={here}", *external])
    assert f"no worker pool listens at {pool}, as this host sees it" in caplog.text


def test_whoever_listens_is_left_alone():
    with socket.create_server(("localhost", 0)) as server:
        here = f"localhost:{server.getsockname()[1]}"
        engines.check([f"--job_endpoint={here}", "--environment_type=EXTERNAL", f"--environment_config={here}"])
    engines.check(["--runner=FlinkRunner", "--flink_master=[local]"])
