# SPDX-License-Identifier: MIT
"""Grafana's questions, as its data source for Prometheus asks them, are answered from the store; Debian's
Prometheus scrapes the daemon.

The requests are those of Grafana's backend (pkg/promlib: client, resource, healthcheck) and of its page
(metric browser and query editor), written down from its source: forms by POST, times in seconds with a
fraction, a step in seconds.
"""
import json
import math
import shutil
import subprocess
import urllib.parse

import pytest

from serving import Serving, curl, until

API = "/prometheus/api/v1"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("serve"), **{"profile.rate_hz": 199}) as serving:
        # A step of 10 s that is over, and covered, and in which processes came and went.
        sql = "SELECT a.at_unix_s AS at FROM rollup a JOIN rollup b ON b.at_unix_s = a.at_unix_s + 10 " \
              "AND b.step_s = 10 AND b.labels = a.labels JOIN rollup c ON c.at_unix_s = a.at_unix_s AND c.step_s = 10 " \
              "AND c.metric = 'kymo_events_total' AND c.labels = 'collector=\"process\",event=\"exit\"' " \
              "WHERE a.step_s = 10 AND a.labels = 'collector=\"process\"' AND a.sum > 1e9"
        row, = until(lambda: subprocess.run(["/bin/true"], check=True) and serving.rows(sql)[:1], "a step of 10 s")
        serving.at = row["at"] + 10
        until(lambda: serving.rows("SELECT * FROM process_exit WHERE at_unix_ns > ?",
                                   serving.at * 10**9) or subprocess.run(["/bin/true"], check=True) is None,
              "a later record")
        yield serving


def form(serve, path, *pairs, **words):
    """POST as Grafana's backend does."""
    body = urllib.parse.urlencode([*words.items(), *pairs])
    answer = curl("-w", "\n%{http_code}", "-H", f"Content-Type: {FORM}", "--data-raw", body,
                  f"{serve.url}{API}/{path}").stdout
    text, status = answer.rsplit("\n", 1)
    return int(status), json.loads(text)


def query(serve, text, at=None):
    status, answer = form(serve, "query", query=text, time=f"{at or serve.at:.3f}")
    assert status == 200 and answer["status"] == "success", answer
    return answer["data"]


def vector(serve, text, at=None):
    data = query(serve, text, at)
    assert data["resultType"] == "vector"
    return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in data["result"]}


def test_grafana_saves_the_data_source(serve):
    """'Save & test': a sum, then which server this is."""
    assert query(serve, "1+1")["result"] == [serve.at, "2"] and query(serve, "1+1")["resultType"] == "scalar"
    build = serve.get(f"{API}/status/buildinfo")
    assert build["status"] == "success" and build["data"]["version"] and build["data"]["application"] == "kymo"


def test_grafana_draws_a_panel(serve):
    """A range by POST, with the intervals that Grafana puts in."""
    start, end, step = serve.at - 300, serve.at + 10, 5
    status, answer = form(serve, "query_range", query="sum(rate(kymo_events_total[20s])) by (collector)",
                          start=str(start), end=str(end), step=str(step))
    assert status == 200 and answer["data"]["resultType"] == "matrix"
    lines = {one["metric"]["collector"]: one["values"] for one in answer["data"]["result"]}
    assert set(next(iter(answer["data"]["result"]))["metric"]) == {"collector"}
    assert float(dict(map(tuple, lines["process"]))[serve.at]) > 0
    for values in lines.values():
        times = [at for at, _ in values]
        assert times == sorted(set(times)) and all((at - start) % step == 0 for at in times)
        assert all(math.isfinite(float(value)) for _, value in values)
    # By GET, in letters, with a step as a word: the same.
    words = urllib.parse.urlencode({"query": "sum(rate(kymo_events_total[20s])) by (collector)",
                                    "start": start, "end": end, "step": f"{step}s"})
    assert serve.get(f"{API}/query_range?{words}")["data"]["resultType"] == "matrix"
    status, exemplars = form(serve, "query_exemplars", query="kymo_events_total", start=str(start), end=str(end))
    assert (status, exemplars) == (200, {"status": "success", "data": []})


def test_grafana_lists_names(serve):
    """The metric browser, the editor's completion, and variables of a dashboard."""
    span = {"start": str(serve.at - 3600), "end": str(serve.at)}
    status, labels = form(serve, "labels", **span)
    assert status == 200 and {"__name__", "collector", "event", "comm", "le"} <= set(labels["data"])
    assert labels["data"] == sorted(labels["data"]) and not {"pid", "tid", "port", "args"} & set(labels["data"])
    words = urllib.parse.urlencode({**span, "limit": 40000})
    names = serve.get(f"{API}/label/__name__/values?{words}")["data"]
    assert {"kymo_events_total", "kymo_runq_wait_seconds_bucket", "kymo_cpu_seconds_total"} <= set(names)
    match = urllib.parse.urlencode([*span.items(), ("match[]", '{__name__="kymo_events_total",collector="process"}')])
    events = serve.get(f"{API}/label/event/values?{match}")["data"]
    assert "exit" in events and set(events) <= {"alive", "exec", "exec-failed", "exit", "fork"}
    status, series = form(serve, "series", ("match[]", 'kymo_events_total{collector="process",event="exit"}'),
                          ("match[]", "kymo_recorded_seconds_total"), **span)
    assert {"__name__": "kymo_events_total", "collector": "process", "event": "exit"} in series["data"]
    assert {"__name__": "kymo_recorded_seconds_total", "collector": "process"} in series["data"]
    assert all(one["__name__"] in ("kymo_events_total", "kymo_recorded_seconds_total") for one in series["data"])
    metadata = serve.get(f"{API}/metadata?limit=40000")["data"]
    assert metadata["kymo_runq_wait_seconds"][0]["type"] == "histogram"
    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names} <= \
        set(metadata)
    assert serve.get(f"{API}/rules")["data"] == {"groups": []}


def test_rates_are_what_was_counted(serve):
    rows = serve.rows("SELECT labels, sum FROM rollup WHERE step_s = 10 AND at_unix_s = ? AND metric = "
                      "'kymo_events_total' AND labels LIKE 'collector=\"process\"%'", serve.at - 10)
    covered = serve.rows("SELECT sum FROM rollup WHERE step_s = 10 AND at_unix_s = ? AND labels = "
                         "'collector=\"process\"'", serve.at - 10)[0]["sum"] / 1e9
    assert rows
    found = vector(serve, 'rate(kymo_events_total{collector="process"}[10s])')
    for row in rows:
        labels = tuple(tuple(pair.replace('"', "").split("=")) for pair in row["labels"].split(","))
        assert found[tuple(sorted(labels))] == pytest.approx(row["sum"] / covered)
    whole = sum(row["sum"] for row in rows)
    assert vector(serve, 'sum(increase(kymo_events_total{collector="process"}[10s]))') == \
        {(): pytest.approx(whole * 10 / covered)}
    assert vector(serve, '2 * sum(rate(kymo_events_total{collector=~"pro.+"}[10s])) - 1') == \
        {(): pytest.approx(2 * whole / covered - 1)}
    assert vector(serve, '(-2) ^ 2 * sum(rate(kymo_events_total{collector="process"}[10s])) + -2 ^ 2') == \
        {(): pytest.approx(4 * whole / covered - 4)}
    # A counter is what was counted up to then.
    exits = serve.rows("SELECT sum(sum) AS n FROM rollup WHERE step_s = 10 AND at_unix_s < ? AND metric = "
                       "'kymo_events_total' AND labels = 'collector=\"process\",event=\"exit\"'",
                       serve.at)[0]["n"]
    assert list(vector(serve, 'kymo_events_total{event="exit"}').values()) == [exits]


def test_where_nothing_was_recorded_is_nothing(serve):
    before = serve.at - 7200
    assert vector(serve, "rate(kymo_events_total[1m])", before) == {}
    assert vector(serve, "kymo_events_total", before) == {}
    assert vector(serve, "kymo_no_such_metric") == {}


def test_percentiles_lie_in_their_buckets(serve):
    rate = 'rate(kymo_runq_wait_seconds_bucket[10s])'
    buckets = sorted((float(dict(labels)["le"]), value) for labels, value in vector(serve, rate).items())
    assert buckets[-1][0] == math.inf and buckets == sorted(buckets, key=lambda one: one[1])
    for share in 0.5, 0.9, 0.99:
        [found] = vector(serve, f"histogram_quantile({share}, sum by (le) ({rate}))").values()
        rank = share * buckets[-1][1]
        bound = next(i for i, (_, count) in enumerate(buckets) if count >= rank)
        low = buckets[bound - 1][0] if bound else 0
        assert low <= found <= buckets[min(bound, len(buckets) - 2)][0]
    [mean] = vector(serve, "sum(rate(kymo_runq_wait_seconds_sum[10s]))").values()
    row = serve.rows("SELECT sum FROM rollup WHERE step_s = 10 AND at_unix_s = ? AND metric = "
                     "'kymo_runq_wait_seconds'", serve.at - 10)[0]
    assert 0 < mean <= row["sum"] / 1e9


def test_groups(serve):
    each = vector(serve, "rate(kymo_events_total[10s])")
    for word, how in ("sum", sum), ("min", min), ("max", max), ("count", len), \
                     ("avg", lambda values: sum(values) / len(values)):
        groups = {}
        for labels, value in each.items():
            groups.setdefault((("collector", dict(labels)["collector"]),), []).append(value)
        wanted = {labels: pytest.approx(how(values)) for labels, values in groups.items()}
        assert vector(serve, f"{word} by (collector) (rate(kymo_events_total[10s]))") == wanted
        assert vector(serve, f"{word}(rate(kymo_events_total[10s])) without (event)") == wanted


@pytest.mark.parametrize("text, words", [
    ("topk(3, kymo_events_total)", "the function 'topk' is not offered"),
    ("irate(kymo_events_total[1m])", "the function 'irate' is not offered"),
    ("kymo_events_total offset 5m", "'offset' is not offered"),
    ("kymo_events_total and kymo_events_total", "'and' is not offered"),
    ("kymo_events_total > 1", "a comparison is not offered"),
    ("kymo_events_total @ 3", "'@' is not offered"),
    ("rate(kymo_events_total[5m:1m])", "a query within a query is not offered"),
    ("kymo_events_total / kymo_events_total", "'/' of series and series is not offered"),
    ("kymo_events_total[5m]", "for rate() and increase()"),
    ("rate(kymo_events_total[5s])", "10 s at least"),
    ("rate(kymo_events_total)", "over a span of time"),
    ('{__name__=~"a{1,9}"}', "in a pattern is not offered"),
    ('{__name__=~"("}', "makes no sense"),
    ('{__name__=~"a++"}', "'++' in a pattern is not offered"),
    ('{__name__=~"' + "(" * 9 + "a+" + ")+" * 9 + '"}', "in a pattern is not offered"),
    ("sum(1)", "only series are added up"),
    ("1 +", "an expression is missing at the end"),
    ("{}", "a selector needs"),
    ("(" * 100 + "1" + ")" * 100, "32 deep at most"),
    ("1" + "+1" * 100, "32 of '+-' follow"),
    ("1^" * 100 + "1", "32 deep at most"),
    ('kymo_events_total{a="b}', "a text has no end"),
    ("x" * 5000, "4096 bytes at most"),
])
def test_what_is_not_offered_is_refused_by_name(serve, text, words):
    status, answer = form(serve, "query", query=text)
    assert status == 400 and answer["status"] == "error" and answer["errorType"] == "bad_data"
    assert words in answer["error"], answer


@pytest.mark.parametrize("path, words", [
    ("query", {}), ("query_range", {"query": "1"}), ("series", {}),
    ("query_range", {"query": "1", "start": "0", "end": "1e9", "step": "1"}),
    ("query_range", {"query": "1", "start": "0", "end": "-1", "step": "1"}),
    ("query_range", {"query": "1", "start": "0", "end": "1e18", "step": "1e-9"}),
    ("query_range", {"query": "1", "start": "nan", "end": "inf", "step": "0"}),
    ("query", {"query": "1", "time": "yesterday"}),
    ("series", {"match[]": "rate(x[5m])"}),
])
def test_what_makes_no_sense_is_told(serve, path, words):
    status, answer = form(serve, path, **words)
    assert status == 400 and answer["status"] == "error" and answer["error"]


def test_forms_are_for_these_routes_alone(serve):
    words = ["-X", "POST", "--data-raw", "query=1"]
    assert serve.status(f"{API}/query", *words, "-H", "Content-Type: application/json") == 415
    assert serve.status("/api/v1/sessions", *words, "-H", f"Content-Type: {FORM}") == 415
    assert serve.status(f"{API}/query", *words, "-H", f"Content-Type: {FORM}", "-H",
                        "Sec-Fetch-Site: cross-site") == 403
    assert serve.status(f"{API}/query", *words, "-H", f"Content-Type: {FORM}; charset=UTF-8") == 200


def test_prometheus_scrapes(serve, tmp_path):
    """Debian's Prometheus reads /metrics, and has the same numbers."""
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not here")
    host = serve.url.removeprefix("http://")
    (tmp_path / "config.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: kymo, static_configs: [{{targets: ['{host}']}}]}}]\n")
    said = open(tmp_path / "said", "w+")
    with subprocess.Popen(["prometheus", f"--config.file={tmp_path}/config.yml", "--web.listen-address=127.0.0.1:0",
                           f"--storage.tsdb.path={tmp_path}/data", "--log.format=json"],
                          stdout=said, stderr=subprocess.STDOUT) as process:
        try:
            def port():
                for line in (tmp_path / "said").read_text().splitlines():
                    if '"Listening on"' in line:
                        return json.loads(line)["address"].rsplit(":", 1)[1]
                assert process.poll() is None, (tmp_path / "said").read_text()
                return None

            url = f"http://127.0.0.1:{until(port, 'prometheus listens')}/api/v1"

            until(lambda: curl("-o", "/dev/null", "-w", "%{http_code}", url.replace("api/v1", "-/ready")).stdout
                  == "200", "prometheus is ready")

            def value(text):
                got = json.loads(curl("-G", f"{url}/query", "--data-urlencode", f"query={text}").stdout)
                return [float(one["value"][1]) for one in got["data"]["result"]]

            until(lambda: value('up{job="kymo"}') == [1], "a scrape")
            until(lambda: value("kymo_runq_wait_seconds_count"), "a histogram")
            [count] = value('kymo_runq_wait_seconds_bucket{le="+Inf"} - on() kymo_runq_wait_seconds_count')
            assert count == 0
            targets = json.loads(curl(f"{url}/targets").stdout)["data"]["activeTargets"]
            assert [(one["health"], one["lastError"]) for one in targets] == [("up", "")]
            kinds = json.loads(curl(f"{url}/metadata?metric=kymo_runq_wait_seconds").stdout)["data"]
            until(lambda: kinds or json.loads(curl(f"{url}/metadata").stdout)["data"], "metadata")
        finally:
            process.terminate()
            process.wait()
            said.close()
