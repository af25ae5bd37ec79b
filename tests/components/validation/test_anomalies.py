import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components import progress
from components.errors import InputError
from components.schema.curated import curated_schema
from components.validation.anomalies import findings, stop_on_errors

ERROR, WARNING = anomalies_pb2.AnomalyInfo.ERROR, anomalies_pb2.AnomalyInfo.WARNING


def _anomalies(**severities):
    anomalies = anomalies_pb2.Anomalies(baseline=curated_schema("interactions"))
    for name, severity in severities.items():
        info = anomalies.anomaly_info[name]
        info.severity = severity
        info.reason.add(short_description="Odd values", description="Some are odd.")
    return anomalies


def test_no_anomalies_pass():
    assert findings(_anomalies(), data="ratings", split="train") == []
    stop_on_errors([])


def test_a_finding_names_place_expectation_and_finding():
    (finding,) = findings(_anomalies(rating=ERROR), data="ratings", split="eval")
    assert str(finding) == (
        "ratings, split eval, rating: expected one FLOAT, from 0.5 to 5, in every row; found: Odd values (Some are odd)"
    )


def test_a_feature_that_the_schema_lacks():
    (finding,) = findings(_anomalies(shoe_size=ERROR), data="movies", split="all")
    assert "expected no such feature" in str(finding)


def test_an_anomaly_of_the_whole_split():
    anomalies = _anomalies()
    anomalies.dataset_anomaly_info.severity = ERROR
    anomalies.dataset_anomaly_info.short_description = "Low num examples"
    (finding,) = findings(anomalies, data="ratings", split="train")
    assert str(finding) == "ratings, split train: expected rows; found: Low num examples"


def test_all_errors_are_listed_and_warnings_only_announced(caplog):
    found = findings(_anomalies(rating=ERROR, user_id=WARNING, movie_id=ERROR), data="ratings", split="train")
    progress.LOGGER.addHandler(caplog.handler)
    try:
        with pytest.raises(InputError) as error:
            stop_on_errors(found)
    finally:
        progress.LOGGER.removeHandler(caplog.handler)
    assert "split train, rating:" in str(error.value)
    assert "split train, movie_id:" in str(error.value)
    assert "user_id" not in str(error.value)
    assert ["user_id" in message for message in caplog.messages] == [True]


def test_warnings_alone_let_the_run_go_on():
    stop_on_errors(findings(_anomalies(rating=WARNING), data="ratings", split="train"))
