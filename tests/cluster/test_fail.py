"""What becomes of an exception in a job on a cluster."""

import pytest

from ecgae.sweeping.cluster import JobError, fail


def test_a_failure_is_told_in_one_line_and_logged_whole(capsys):
    with pytest.raises(JobError, match=r"^ValueError: too long$"):
        fail(ValueError("too long\nby far"))
    assert "by far" in capsys.readouterr().err


def test_an_order_to_stop_is_kept_where_stopping_itself_fails():
    try:
        try:
            raise SystemExit(255)
        finally:
            raise ConnectionResetError("W&B was ended first")
    except ConnectionResetError as error:
        with pytest.raises(SystemExit):
            fail(error)
