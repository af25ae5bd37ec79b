"""One line tells the cause, as real libraries wrap it."""

from __future__ import annotations

import errno
import socket

import grpc
import pytest
import tensorflow as tf

from components.causes import MOST_CHARACTERS, cause_of, telling_line

JAVA = """Pipeline job-7 failed in state FAILED: java.lang.RuntimeException: The job failed
\tat org.apache.beam.runners.flink.FlinkPipelineRunner.run(FlinkPipelineRunner.java:102)
\tat java.base/java.lang.Thread.run(Thread.java:829)
Caused by: org.apache.flink.runtime.JobException: Recovery is suppressed
\t... 12 more
Caused by: java.io.IOException: No space left on device
\tat java.base/sun.nio.ch.FileDispatcherImpl.write0(Native Method)
\t... 5 more
"""
WORKER = """java.lang.RuntimeException: Error received from SDK harness
Caused by: java.lang.RuntimeException: Error received for instruction 4: Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1498, in process
    raise ValueError("boom")
ValueError: boom

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "sdk_worker.py", line 311, in _execute
RuntimeError: ValueError: boom [while running 'Score']

\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient.handle(FnApiControlClient.java:180)
"""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("it is broken\nand this is more about it"), "ValueError: it is broken"),
        (KeyError(), "KeyError"),
        (OSError(errno.ENOSPC, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        (RuntimeError(JAVA), "java.io.IOException: No space left on device"),
        (RuntimeError(JAVA.replace("\n", "\\n")), "java.io.IOException: No space left on device"),
        (RuntimeError(WORKER), "RuntimeError: ValueError: boom [while running 'Score']"),
        (
            RuntimeError("Traceback (most recent call last):\n  File 'x', line 1\nOSError: full\n"),
            "OSError: full",
        ),
        (
            tf.errors.ResourceExhaustedError(
                None, None, "{{function_node __wrapped__SaveV2_dtypes_2_device_CPU:0}} /a/b; No space left on device"
            ),
            "ResourceExhaustedError: /a/b; No space left on device",
        ),
        (
            tf.errors.InvalidArgumentError(
                None,
                None,
                "Graph execution error:\n\nDetected at node Max defined at (most recent call last):\n"
                '  File "fitting.py", line 9, in f\n<stack traces unavailable>\n'
                "Reduction axis 1 is empty in shape [0,0]\n\t [[{{node retrieval_11/ArgMax}}]] [Op:__inference_f_20]",
            ),
            "InvalidArgumentError: Reduction axis 1 is empty in shape [0,0]",
        ),
    ],
)
def test_the_cause_and_nothing_of_its_wrapping(error: Exception, told: str) -> None:
    assert cause_of(error) == told


def test_an_error_of_tensorflow_itself_has_no_name_of_a_graphs_node() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        tf.reshape(tf.zeros([3]), [2, 2])
    assert "{{function_node" in str(raised.value)  # as long as TensorFlow writes it
    told = cause_of(raised.value)
    assert "Input to reshape is a tensor with 3 values, but the requested shape has 4" in told
    assert not {"{{", "[Op:"} & {told[i : i + n] for n in (2, 4) for i in range(len(told))}


def test_an_error_of_grpc_is_its_code_and_its_details() -> None:
    with (
        socket.socket() as taken,
        grpc.insecure_channel(f"127.0.0.1:{free_port(taken)}") as channel,
        pytest.raises(grpc.RpcError) as raised,
    ):
        channel.unary_unary("/nobody.Listens/Here")(b"", timeout=60)
    told = cause_of(raised.value)
    assert told.startswith("UNAVAILABLE: ")
    assert "onnect" in told  # "failed to connect", "Connection refused"
    assert "debug_error_string" not in told


def free_port(taken: socket.socket) -> int:
    """A port that nobody else gets and where nobody listens."""
    taken.bind(("127.0.0.1", 0))
    return int(taken.getsockname()[1])


def test_a_very_long_line_keeps_its_end_where_the_system_speaks() -> None:
    path = "/tmp/" + "x" * 4_000
    told = cause_of(tf.errors.ResourceExhaustedError(None, None, f"{path}; No space left on device"))
    assert len(told) == MOST_CHARACTERS
    assert told.startswith("ResourceExhaustedError: /tmp/xxx")
    assert told.endswith("; No space left on device")
    assert len(telling_line(path)) == MOST_CHARACTERS
