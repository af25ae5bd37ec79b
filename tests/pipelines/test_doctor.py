from pipelines.cli import doctor
from tests.pipelines.commands import exit_code


def test_this_installation_fits_the_lock(capsys):
    code = exit_code("doctor")
    assert code == 0, capsys.readouterr().out
    assert "checks passed" in capsys.readouterr().out


def test_another_version_than_the_locks_is_found(tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text("tfx==9.9.9\n    # via x\nnumpy==1.26.4\n")
    checks = {check.name: check for check in doctor.package_checks(lock)}
    assert not checks["tfx"].good
    assert "9.9.9" in checks["tfx"].found
    assert checks["numpy"].good
    assert checks["tfx"].action


def test_a_missing_lock_is_found(tmp_path):
    (check,) = doctor.package_checks(tmp_path / "requirements.lock")
    assert not check.good


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
