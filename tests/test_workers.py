"""How the tests are dealt out (conftest.py)."""

import pytest


def test_tests_of_a_file_stay_on_one_worker(request):
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("there are no workers that share the tests (make test has two)")
    assert request.node.nodeid.endswith(f"@{request.path}")
