import numpy as np
import pytest

from pipelines.cli import doctor
from tests.pipelines.commands import exit_code


def test_this_installation_fits_the_lock(capsys):
    code = exit_code("doctor")
    assert code == 0, capsys.readouterr().out
    assert "checks passed" in capsys.readouterr().out


def test_another_version_than_the_locks_is_found(tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"tfx==9.9.9\n    # via x\nnumpy=={np.__version__}\n")
    checks = {check.name: check for check in doctor.package_checks(lock)}
    assert not checks["tfx"].good
    assert "9.9.9" in checks["tfx"].found
    assert checks["numpy"].good
    assert checks["tfx"].action


@pytest.mark.parametrize(
    ("glibc", "name"),
    [
        ((2, 41), "requirements.lock"),
        ((2, 39), "requirements.lock"),
        ((2, 36), "requirements-legacy.lock"),
        ((2, 28), "requirements-legacy.lock"),
    ],
)
def test_the_c_library_decides_between_the_locks(glibc, name):
    assert doctor.lock_for(glibc, doctor.ROOT).name == name


def test_without_a_checkout_there_is_no_lock_and_the_extras_are_looked_at(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert exit_code("doctor") == 0
    shown = capsys.readouterr().out
    assert "extra serving" in shown
    assert "at least one is complete" in shown


def test_an_extra_that_lacks_a_package_is_told_and_is_no_failure_beside_a_complete_one():
    requirements = ["click>=8", "numpy; extra == 'serving'", "no-such-package>=2; extra == 'pipeline'"]
    checks = {check.name: check for check in doctor.extra_checks(requirements)}
    assert checks["extra serving"].found == "complete"
    assert checks["extra pipeline"].found == "not installed, lacks no-such-package"
    assert all(check.good for check in checks.values())


def test_an_installation_without_any_extra_fails_and_names_one():
    requirements = [f"no-such-package; extra == '{extra}'" for extra in doctor.EXTRAS]
    checks = {check.name: check for check in doctor.extra_checks(requirements)}
    assert not checks["extras"].good
    assert "pip install 'tfx-recommenders[serving]'" in checks["extras"].action


def test_a_version_out_of_the_range_of_an_extra_is_found():
    checks = {check.name: check for check in doctor.extra_checks(["numpy<1.0; extra == 'serving'"])}
    assert not checks["numpy"].good
    assert checks["numpy"].action == "pip install 'numpy<1.0'"


def test_keras_3_is_found(monkeypatch, capsys):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    assert not doctor.keras_check().good
    assert exit_code("doctor") == 1
    assert "TF_USE_LEGACY_KERAS: unset it" in capsys.readouterr().out


def test_processor_flags():
    assert doctor.processor_flags("processor : 0\nflags\t\t: fpu avx avx2\nmodel: x\n") == {"fpu", "avx", "avx2"}
    assert doctor.processor_flags("") == set()


def test_the_containers_limit_counts_where_it_is_lower():
    assert doctor.memory_bytes("MemTotal:       1000 kB\n", "max\n") == 1_024_000
    assert doctor.memory_bytes("MemTotal:       1000 kB\n", "5000\n") == 5_000


def test_another_package_with_modules_of_our_names_is_found():
    owners = {"pipelines": ["tfx-recommenders"], "serving": ["tfx-recommenders", "serving-tools"], "numpy": ["numpy"]}
    (check,) = doctor.owner_checks(owners)
    assert (check.name, check.good) == ("module serving", False)
    assert "serving-tools" in check.found
    assert "uninstall serving-tools" in check.action
