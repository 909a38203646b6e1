# SPDX-License-Identifier: MIT
"""The page's incidents: a real spike is seen on the overview, and led from there to its flame graph."""
import pytest

from serving import Serving
from spiking import SETTINGS, spiked

pytestmark = pytest.mark.limit(400)


@pytest.fixture(scope="module")
def incident(modules, tmp_path_factory):
    """A daemon, and what its trigger noticed of a known program."""
    with Serving(tmp_path_factory.mktemp("incidents"), **SETTINGS) as serving:
        if "page.js" not in serving.text("/"):
            pytest.skip("kymo was built without its page: npm is not here")
        serving.incident = spiked(serving)
        yield serving


def test_from_the_overview_to_its_flame_graph(incident, walk):
    row = incident.incident
    # In a span that ends with it, it is the newest.
    saw = walk(incident.url, "incident", row["seq"], row["what"], row["from_unix_ns"],
               int(row["at_unix_ns"]) // 1000000 * 1000000 + 1000000)
    assert row["what"] in saw["lately"] and saw["what"] == row["what"]
    for word in "CPU time of a process", "20 %", f"{row['pid']} kymo-spike", f"{row['samples']} samples at 99 Hz":
        assert word in saw["facts"], word
    assert "kymo_spikes_here" in saw["label"] and saw["label"] == saw["again"]
    assert saw["around"].startswith("CPUs in use around the incident") and saw["happened"] > 0
    assert f"of={row['seq']}" in saw["query"] and "kymo_spikes_here" in saw["table"]
    assert "view=incidents" in saw["back"] and f"incident={row['seq']}" in saw["back"]
    assert len(saw["exports"]) == 7
    for link in saw["exports"]:
        assert incident.status(link) == 200, link


@pytest.mark.parametrize("view", ["/?view=incidents&start=-1h", "/?view=incidents&incident=SEQ", "/?start=-1h",
                                  "/?view=profiles&of=SEQ"])
def test_it_is_open_to_all_and_fits_a_phone(incident, walk, view):
    saw = walk(incident.url, "looks", view.replace("SEQ", incident.incident["seq"]))
    assert not saw["violations"], "\n".join(saw["violations"])
    assert saw["passes"] > 20 and saw["wider"] == []


def test_what_is_not_there_is_told(incident, walk):
    saw = walk(incident.url, "no_incident", 1)
    assert "there is no incident 1" in saw["told"] and "Nothing unusual was noticed" in saw["empty"]
