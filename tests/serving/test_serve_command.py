"""`recommender serve` as a process: it says where it answers, refuses what it does not have, ends on SIGTERM."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.serving.tiny_models import publish, save_odd

COMMAND = [str(Path(sys.executable).parent / "recommender"), "serve"]


def test_it_answers_with_the_options_of_tensorflow_model_server_and_ends_on_sigterm(tmp_path):
    base = tmp_path / "odd"
    base.mkdir()
    publish(save_odd(tmp_path / "model"), base, 3)
    parameters = tmp_path / "batching.txt"
    parameters.write_text("max_batch_size { value: 8 } batch_timeout_micros { value: 0 }")
    from benchmarks.serving import free_port

    port = free_port()
    command = [*COMMAND, f"--model_base_path={base}", "--model-name", "odd", f"--rest_api_port={port}", "--port=0"]
    command += ["--enable_batching", f"--batching_parameters_file={parameters}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            printed = [server.stdout.readline() for _ in range(3)]
            assert printed[0] == f"odd, version 3: {base / '3'}\n"
            assert re.fullmatch(rf"REST +http://127.0.0.1:{port}/v1/models/odd:predict\n", printed[1])
            answer = httpx.post(f"http://127.0.0.1:{port}/v1/models/odd:predict", json={"instances": [4]}, timeout=20)
            assert answer.json() == {"predictions": [8.0]}
        finally:
            server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=30)
    assert server.returncode == 0
    assert "without meaning for that: batch_timeout_micros" in said
    assert "SIGTERM" in said


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--use_alts_credentials=true"], "--use-alts-credentials of tensorflow_model_server is not one of ours"),
        (["--no-such-option"], "No such option"),
        (["--rest-api-port", "0", "--port", "0"], "neither REST nor gRPC is served"),
        (["--model-base-path", "/no/such/folder"], "there is no folder of versions at /no/such/folder"),
    ],
)
def test_what_it_cannot_do_is_refused_with_a_text(options, text, capsys):
    from pipelines.cli.main import main

    with pytest.raises(SystemExit) as ended:
        main(["serve", *options])
    assert ended.value.code == 2
    assert text in capsys.readouterr().err
