# SPDX-License-Identifier: MIT
"""kill -9 at any moment: the database is sound, and whatever a reader has seen stays; bench/kills does it a
hundred times, and says how much was missing."""
from killing import check, kill_once
from serving import Serving

KILLS = 5


def test_what_was_committed_stays(tmp_path):
    seq = 0
    for number in range(KILLS):
        left = kill_once(tmp_path)
        assert left["integrity"] == "ok"
        assert left["after"]["seq"] >= left["seen"]["seq"] > seq
        assert left["after"]["n"] >= left["seen"]["n"] > 0
        assert left["rolled"] == left["after"]["n"]
        seq = left["after"]["seq"]
    with Serving(tmp_path) as serving:
        # Each kill has its row: nobody knows how many records there were since the last commit.
        gaps = serving.row("SELECT count(*) AS n, sum(from_unix_ns < to_unix_ns) AS long FROM loss WHERE count IS "
                           "NULL AND collector = 'kymo'")
        assert (gaps["n"], gaps["long"]) in ((number + 1, number + 1), (number, number))
        serving.end()
        assert serving.rows("SELECT count(*) AS n FROM loss WHERE count IS NULL")[0]["n"] == KILLS
    assert check(serving.store) == "ok"
