"""`recommender serve` as a process: it says where it answers, refuses what it does not have, ends on SIGTERM."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import httpx
import pytest
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from serving.request_log.files import files_of, records_of
from serving.request_log.record import read
from tests.serving.client.scripted_servers import free_port
from tests.serving.tiny_models import publish, save_odd

COMMAND = [str(Path(sys.executable).parent / "recommender"), "serve"]


def test_it_answers_with_the_options_of_tensorflow_model_server_and_ends_on_sigterm(tmp_path):
    base = tmp_path / "odd"
    base.mkdir()
    publish(save_odd(tmp_path / "model"), base, 3)
    parameters = tmp_path / "batching.txt"
    parameters.write_text("max_batch_size { value: 8 } batch_timeout_micros { value: 0 }")
    port = free_port()
    command = [*COMMAND, f"--model_base_path={base}", "--model-name", "odd", f"--rest_api_port={port}", "--port=0"]
    command += ["--enable_batching", f"--batching_parameters_file={parameters}", "--max-rows", "5"]
    command += [f"--access-log={tmp_path / 'access.log'}", "--log-level", "warning", "--allowed-hosts", "127.0.0.1"]
    command += ["--request-log", str(tmp_path / "logs" / "requests"), "--request-log-sampling-rate", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            printed = [server.stdout.readline() for _ in range(3)]
            assert printed[0] == f"odd, version 3: {base / '3'}\n"
            assert re.fullmatch(rf"REST +http://127.0.0.1:{port}/v1/models/odd:predict\n", printed[1])
            assert printed[2] == f"log  {tmp_path}/logs/requests-*.tfrecord, 100 % of the requests\n"
            answer = httpx.post(f"http://127.0.0.1:{port}/v1/models/odd:predict", json={"instances": [4]}, timeout=20)
            assert answer.json() == {"predictions": [8.0]}
            many = {"instances": [1] * 6}
            assert httpx.post(f"http://127.0.0.1:{port}/v1/models/odd:predict", json=many).status_code == 429
            assert httpx.get(f"http://127.0.0.1:{port}/v1/models/odd", headers={"Host": "x"}).status_code == 421
        finally:
            server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=300)
    assert server.returncode == 0
    assert "so these have no effect: batch_timeout_micros" in said
    assert "SIGTERM" not in said  # which is no warning
    codes = [json.loads(line)["code"] for line in (tmp_path / "access.log").read_text().splitlines()]
    assert codes == [200, 429, 421]
    (log,) = files_of(tmp_path / "logs" / "requests")  # whose folder was made
    assert [read(record).outputs["y"].tolist() for record in records_of(log)] == [[8.0]]


def test_the_access_log_goes_to_standard_output_where_it_has_no_name(tmp_path):
    base = tmp_path / "odd"
    base.mkdir()
    publish(save_odd(tmp_path / "model"), base, 3)
    command = [*COMMAND, f"--model-base-path={base}", "--rest-api-port=0", f"--port={free_port()}", "--access-log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            printed = [server.stdout.readline() for _ in range(2)]
            assert printed[1].startswith("gRPC ")
            address = printed[1].split()[1]
            with grpc.insecure_channel(address) as channel:
                stub = model_service_pb2_grpc.ModelServiceStub(channel)
                request = get_model_status_pb2.GetModelStatusRequest()
                request.model_spec.name = "recommender"
                stub.GetModelStatus(request, timeout=60)
            line = json.loads(server.stdout.readline())
            assert (line["request"], line["status"], line["protocol"]) == ("GetModelStatus", "OK", "GRPC")
        finally:
            server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=300)
    assert server.returncode == 0
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
