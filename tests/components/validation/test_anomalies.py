import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components import progress
from components.errors import InputError
from components.schema.curated import curated_schema
from components.validation.anomalies import findings, stop_on_errors

ERROR, WARNING = anomalies_pb2.AnomalyInfo.ERROR, anomalies_pb2.AnomalyInfo.WARNING


def _anomalies(**severities):
    anomalies = anomalies_pb2.Anomalies(baseline=curated_schema("sequences", rating_min=0.5, rating_max=5))
    for name, severity in severities.items():
        info = anomalies.anomaly_info[name]
        info.severity = severity
        info.reason.add(short_description="Odd values", description="Some are odd.")
    return anomalies


def test_no_anomalies_pass():
    assert findings(_anomalies(), data="sequences", split="all") == []
    stop_on_errors([])


def test_a_finding_names_place_expectation_and_finding():
    (finding,) = findings(_anomalies(sequence_ratings=ERROR), data="sequences", split="all")
    assert str(finding) == (
        "sequences, split all, sequence_ratings: expected any number of FLOAT, from 0.5 to 5, in every row; "
        "found: Odd values (Some are odd)"
    )


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({}, "any number of FLOAT, in every row"),
        ({"rating_min": 0.0}, "any number of FLOAT, at least 0, in every row"),
        ({"rating_max": 10.0}, "any number of FLOAT, at most 10, in every row"),
    ],
)
def test_a_range_is_told_as_far_as_there_is_one(ends, expected):
    anomalies = anomalies_pb2.Anomalies(baseline=curated_schema("sequences", **ends))
    anomalies.anomaly_info["sequence_ratings"].severity = ERROR
    (finding,) = findings(anomalies, data="sequences", split="all")
    assert finding.expected == expected


def test_a_feature_that_the_schema_lacks():
    (finding,) = findings(_anomalies(shoe_size=ERROR), data="entities", split="items")
    assert "expected no such feature" in str(finding)


def test_an_anomaly_of_the_whole_split():
    anomalies = _anomalies()
    anomalies.dataset_anomaly_info.severity = ERROR
    anomalies.dataset_anomaly_info.short_description = "Low num examples"
    (finding,) = findings(anomalies, data="sequences", split="all")
    assert str(finding) == "sequences, split all: expected rows; found: Low num examples"


def test_all_errors_are_listed_and_warnings_only_announced(caplog):
    found = findings(
        _anomalies(sequence_ratings=ERROR, user_id=WARNING, sequence_item_ids=ERROR), data="sequences", split="all"
    )
    progress.LOGGER.addHandler(caplog.handler)
    try:
        with pytest.raises(InputError) as error:
            stop_on_errors(found)
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert "split all, sequence_ratings:" in str(error.value)
    assert "split all, sequence_item_ids:" in str(error.value)
    assert "user_id" not in str(error.value)
    assert ["user_id" in message for message in caplog.messages] == [True]


def test_warnings_alone_let_the_run_go_on():
    stop_on_errors(findings(_anomalies(sequence_ratings=WARNING), data="sequences", split="all"))
