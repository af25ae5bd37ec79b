"""A version at the push destination is complete or absent, whatever happens to the push."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from components.errors import InputError
from components.push import publish as publish_module
from components.push.publish import publish
from components.push.versions import complete_versions, judged_path, newest, newest_other, next_version, version_path
from components.storage import tree_digest


def make_model(folder: Path, content: str, files: int = 3) -> str:
    (folder / "variables").mkdir(parents=True)
    (folder / "assets.extra").mkdir()
    (folder / "saved_model.pb").write_text(f"graph {content}")
    (folder / "assets.extra" / "bundle.json").write_text("{}")
    for number in range(files):
        (folder / "variables" / f"part-{number}").write_text(content * 1000)
    return str(folder)


def tree(folder: str | Path) -> dict[str, bytes]:
    root = Path(folder)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def incoming(base: Path) -> list[Path]:
    return list(base.glob(".incoming-*"))


def test_first_push_makes_the_directory_and_a_version_with_every_file(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model", "a")
    before = int(time.time())
    publication = publish(model, str(tmp_path / "deep" / "push"))
    assert publication.published
    assert before <= publication.version <= time.time()
    assert publication.path == str(tmp_path / "deep" / "push" / str(publication.version))
    assert tree(publication.path) == tree(model)
    assert newest(tmp_path / "deep" / "push") == publication.version
    assert incoming(tmp_path / "deep" / "push") == []


def test_others_may_read_a_published_version(tmp_path: Path) -> None:
    publication = publish(make_model(tmp_path / "model", "a"), str(tmp_path / "push"))
    umask = os.umask(0)
    os.umask(umask)
    assert Path(publication.path).stat().st_mode & 0o777 == 0o777 & ~umask


def test_the_very_same_model_is_not_pushed_twice_in_a_row(tmp_path: Path) -> None:
    a, b = make_model(tmp_path / "a", "a"), make_model(tmp_path / "b", "b")
    base = str(tmp_path / "push")
    first = publish(a, base)
    again = publish(a, base)
    assert (again.published, again.version, again.path) == (False, first.version, first.path)
    second = publish(b, base)
    back = publish(a, base)  # not the newest any more: pushed as a new version
    assert second.published and back.published
    assert complete_versions(base) == [first.version, second.version, back.version]


def test_versions_rise_even_when_the_clock_lies_behind(tmp_path: Path) -> None:
    base = tmp_path / "push"
    far_future = int(time.time()) + 1_000_000
    make_model(base / str(far_future), "future")
    assert publish(make_model(tmp_path / "model", "a"), str(base)).version == far_future + 1


def test_a_number_that_holds_no_complete_model_is_not_reused(tmp_path: Path) -> None:
    base = tmp_path / "push"
    half = int(time.time()) + 1_000_000
    (base / str(half) / "variables").mkdir(parents=True)
    assert newest(base) is None
    assert next_version(base, time.time()) == half + 1


def test_only_numbered_folders_with_a_saved_model_are_versions(tmp_path: Path) -> None:
    for name in ("7", "12", "007", "latest", "-3", "1.5", "٣", ".incoming-1"):
        make_model(tmp_path / name, name)
    (tmp_path / "99").mkdir()
    (tmp_path / "100").write_text("a file")
    assert complete_versions(tmp_path) == [7, 12]
    assert newest(tmp_path) == 12


def test_no_directory_is_no_version(tmp_path: Path) -> None:
    assert complete_versions(tmp_path / "nowhere") == []
    assert newest(tmp_path / "nowhere") is None


def test_newest_other_skips_the_model_itself(tmp_path: Path) -> None:
    base = tmp_path / "push"
    a, b = make_model(tmp_path / "a", "a"), make_model(tmp_path / "b", "b")
    assert newest_other(base, a) is None
    make_model(base / "1", "b")
    make_model(base / "2", "a")
    other = newest_other(base, a)
    assert other is not None and (other.version, other.path) == (1, version_path(base, 1))
    other = newest_other(base, b)
    assert other is not None and other.version == 2


def test_eight_pushes_at_once_make_eight_whole_versions(tmp_path: Path) -> None:
    base = str(tmp_path / "push")
    models = [make_model(tmp_path / f"model{number}", str(number), files=20) for number in range(8)]
    published: list[int] = []
    start = threading.Barrier(8)

    def push(model: str) -> None:
        start.wait()
        published.append(publish(model, base).version)

    threads = [threading.Thread(target=push, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(published) == complete_versions(base)
    trees = [tree(version_path(base, version)) for version in complete_versions(base)]
    assert sorted(map(repr, trees)) == sorted(repr(tree(model)) for model in models)
    assert incoming(Path(base)) == []


def test_a_number_that_another_push_takes_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "push"
    taken = make_model(base / "5", "theirs")
    numbers = iter([5, 6])
    monkeypatch.setattr(publish_module, "next_version", lambda *_: next(numbers))
    assert publish(make_model(tmp_path / "model", "ours"), str(base)).version == 6
    assert Path(taken, "saved_model.pb").read_text() == "graph theirs"


STALLED_PUSH = """
import sys, time
from pathlib import Path
from components.push import publish as module

copy_tree = module.copy_tree

def copy_and_stall(source, target):
    copy_tree(source, target)
    (Path(target) / "saved_model.pb").unlink()
    print("copied", flush=True)
    time.sleep(60)

module.copy_tree = copy_and_stall
module.publish(sys.argv[1], sys.argv[2])
"""


def test_a_push_killed_while_it_copies_leaves_no_version(tmp_path: Path) -> None:
    model, base = make_model(tmp_path / "model", "a"), tmp_path / "push"
    arguments = [sys.executable, "-c", STALLED_PUSH, model, str(base)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "copied\n"
        process.kill()  # SIGKILL: nothing of the push can clean up
    assert complete_versions(base) == []
    assert [path.name[:10] for path in base.iterdir()] == [".incoming-"]
    publication = publish(model, str(base))  # the next push is not hindered by what was left
    assert complete_versions(base) == [publication.version]
    assert len(incoming(base)) == 1  # it might still be at work, so it stays for a day


def test_what_a_killed_push_left_is_removed_after_a_day(tmp_path: Path) -> None:
    base = tmp_path / "push"
    for name, age_hours in (("old", 25), ("young", 23)):
        make_model(base / f".incoming-{name}", name)
        moment = time.time() - age_hours * 3600
        os.utime(base / f".incoming-{name}", (moment, moment))
    publish(make_model(tmp_path / "model", "a"), str(base))
    assert [path.name for path in incoming(base)] == [".incoming-young"]


def test_a_destination_that_cannot_be_written_is_the_users_error(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model", "a")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot publish into"):
        publish(model, str(tmp_path / "file" / "push"))


def test_a_full_disk_is_the_users_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(tmp_path / "model", "a")

    def full(source: str, target: str) -> None:
        Path(target).mkdir()
        (Path(target) / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(publish_module, "copy_tree", full)
    with pytest.raises(InputError, match="No space left on device"):
        publish(model, str(tmp_path / "push"))
    assert list((tmp_path / "push").iterdir()) == []


@pytest.mark.parametrize("scheme", ["", "ram://"])
def test_what_was_judged_lies_beside_the_version_that_was_trained_on_all_rows(tmp_path: Path, scheme: str) -> None:
    final, judged = make_model(tmp_path / "final", "all rows"), make_model(tmp_path / "judged", "judged")
    base = f"{scheme}{tmp_path}/push"
    publication = publish(final, base, judged)
    assert complete_versions(base) == [publication.version]
    assert tree_digest(publication.path) == tree_digest(final)
    assert judged_path(base, publication.version) == f"{base}/judged/{publication.version}"
    assert tree_digest(judged_path(base, publication.version)) == tree_digest(judged)
    # A later bundle is compared with the twin, which has not seen the test rows, and never with itself.
    other = newest_other(base, make_model(tmp_path / "other", "b"))
    assert other is not None and other.path == f"{base}/judged/{publication.version}"
    assert newest_other(base, judged) is None


def test_a_version_of_the_same_judged_model_is_not_pushed_again_unless_it_was_fitted_otherwise(tmp_path: Path) -> None:
    base = str(tmp_path / "push")
    judged = make_model(tmp_path / "judged", "judged")
    first = publish(make_model(tmp_path / "final", "all rows"), base, judged)
    # Training on all rows anew gives other weights of the same thing.
    assert not publish(make_model(tmp_path / "again", "all rows, again"), base, judged).published
    plain = publish(judged, base)  # no final fit any more: the judged model itself is to be served
    assert plain.published
    assert judged_path(base, plain.version) == plain.path
    assert not publish(judged, base).published
    assert publish(str(tmp_path / "final"), base, judged).published
    assert len(complete_versions(base)) == 3 and first.version == complete_versions(base)[0]


def test_a_number_that_another_push_takes_meanwhile_keeps_the_twins_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "push"
    make_model(base / "5", "theirs")
    numbers = iter([5, 6])
    monkeypatch.setattr(publish_module, "next_version", lambda *_: next(numbers))
    final, judged = make_model(tmp_path / "final", "ours"), make_model(tmp_path / "judged", "judged")
    assert publish(final, str(base), judged).version == 6
    assert judged_path(base, 5) == version_path(base, 5)
    assert tree(judged_path(base, 6)) == tree(judged)
    assert incoming(base) == []


def test_a_twin_whose_push_was_killed_before_its_version_appeared_is_passed_over(tmp_path: Path) -> None:
    base = tmp_path / "push"
    far_future = int(time.time()) + 1_000_000
    make_model(base / str(far_future), "future")
    make_model(base / "judged" / str(far_future + 1), "left behind")
    final, judged = make_model(tmp_path / "final", "ours"), make_model(tmp_path / "judged", "judged")
    assert publish(final, str(base), judged).version == far_future + 2
    assert tree(judged_path(base, far_future + 2)) == tree(judged)


def test_the_same_contents_under_other_names_are_another_model(tmp_path: Path) -> None:
    one, other = make_model(tmp_path / "one", "a"), make_model(tmp_path / "other", "a")
    assert tree_digest(one) == tree_digest(other)
    (tmp_path / "other" / "variables" / "part-2").rename(tmp_path / "other" / "variables" / "part-9")
    assert tree_digest(one) != tree_digest(other)
