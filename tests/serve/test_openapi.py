# SPDX-License-Identifier: MIT
"""What the daemon says of itself: /openapi.json agrees with the routes, and the page with both."""
import html.parser
import os
import json
import re
import subprocess

import pytest

from serving import TOP, Serving, curl, until


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    triggers = {"triggers.enabled": "true", "triggers.profile_s": 1, "triggers.exit.commands": '["false"]',
                **{f"triggers.{name}.enabled": "false" for name in ("process_cpu", "host_cpu", "run_queue", "io")}}
    with Serving(tmp_path_factory.mktemp("serve"), **triggers) as serving:
        serving.openapi = serving.get("/openapi.json")
        yield serving


def routes():
    table = (TOP / "src/serve/route.c").read_text().split("const struct route routes[]")[1]
    return re.findall(r'\.path = "([^"]+)"', table)


def methods():
    table = (TOP / "src/serve/route.c").read_text().split("const struct route routes[]")[1]
    return re.findall(r'(?:\.method = METHOD_(\w+),\s+)?\.path = "([^"]+)"', table)


def test_every_route_is_in_it(serve):
    paths = serve.openapi["paths"]
    for path in routes():
        if path != "/api/v1/{collector}":
            assert path in paths, path
    collectors = [part["name"] for part in serve.get("/api/v1/status")["collectors"]]
    for name in set(collectors) - {"waits", "profile"}:
        assert f"/api/v1/{name}" in paths, name
    for method, path in methods():
        if path != "/api/v1/{collector}":
            assert (method or "GET").lower() in paths[path], (method, path)
    assert len(methods()) == len(set(methods())) == len(routes())


def test_it_is_well_formed(serve):
    openapi = serve.openapi
    assert openapi["openapi"] == "3.0.3" and {"title", "version"} <= set(openapi["info"])
    schemas = openapi["components"]["schemas"]
    for reference in re.findall(r'"\$ref":"([^"]+)"', json.dumps(openapi, separators=(",", ":"))):
        assert reference.startswith("#/components/schemas/") and reference[21:] in schemas
    for path, methods in openapi["paths"].items():
        assert path.startswith("/") and set(methods) <= {"get", "put", "post", "delete"}
        for said in methods.values():
            assert said["summary"] and said["responses"]["default"]
            names = [(one["in"], one["name"]) for one in said["parameters"]]
            assert len(names) == len(set(names)), path
            assert {name for where, name in names if where == "path"} == \
                set(re.findall(r"{(\w+)}", path))
            for one in said["parameters"]:
                assert one["schema"]["type"] in ("string", "integer", "number", "boolean")
                assert one["in"] == "query" or one["required"] is True


def fits(value, schema, schemas):
    if "$ref" in schema:
        schema = schemas[schema["$ref"][21:]]
    if value is None:
        return schema.get("nullable", False)
    kinds = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    if not isinstance(value, kinds[schema["type"]]):
        return False
    if schema["type"] == "array":
        return all(fits(one, schema["items"], schemas) for one in value)
    return schema["type"] != "object" or all(
        fits(one, schema["properties"][key], schemas)
        for key, one in value.items() if key in schema.get("properties", {}))


def test_records_are_as_it_says(serve):
    schemas = serve.openapi["components"]["schemas"]
    subprocess.run(["/bin/true"], check=True)
    for kind in "process", "runq":
        until(lambda: serve.get(f"/api/v1/{kind}")["data"], kind)
    for row in serve.get("/api/v1/records?limit=2000")["data"]:
        schema = schemas[f"{row['collector']}_{row['event']}".replace("-", "_")]
        for key, value in row.items():
            if not key.endswith(("container", "_time")):
                assert key in schema["properties"], key
                assert fits(value, schema["properties"][key], schemas), (key, value)


@pytest.mark.limit(300)  # it asks some two hundred questions
def timed(serve):
    """The id of a measurement of latencies that is over."""
    status, one = serve.post("/api/v1/latency", functions=["libc.so.6:abort"], duration_s=0.1, slower_ms=1)
    assert status == 202, one
    until(lambda: serve.get(one["href"])["state"] == "done", "done")
    return one["id"]


@pytest.mark.limit(300)
def test_its_parameters_are_taken(serve):
    values = {"string": "1", "integer": "1", "number": "1", "boolean": "true"}
    special = {"start": "-1m", "end": "now", "order": "asc", "format": "json", "kind": "cpu",
               "group": "comm", "container": "0123456789ab", "sort": "self", "metric": "cpu", "step": "60s",
               "type": "runq.host", "column": "wait", "column.end": "reset", "match[]": "kymo_events_total"}
    asked = {"/prometheus/api/v1/query": "&query=1", "/prometheus/api/v1/series": "&match%5B%5D=x",
             "/prometheus/api/v1/query_range": "&query=1&start=1&end=2&step=1",
             "/prometheus/api/v1/label/{name}/values": ""}
    subprocess.run(["false"], check=False)
    ended = "/api/v1/incidents?state=done&trigger=exit"
    special["incident"] = until(lambda: serve.get(ended)["data"], "an incident")[0]["seq"]
    session = serve.session(duration_s=0.1)["id"]
    serve.session_over(session)
    timing = timed(serve)
    for path, methods in serve.openapi["paths"].items():
        if "get" not in methods or path == "/api/v1/events":
            continue
        rest = asked.get(path, "")
        path = path.replace("{id}", timing if path.startswith("/api/v1/latency") else session)
        path = path.replace("{name}", "comm")
        path = path.replace("{incident}", special["incident"])
        for one in methods["get"]["parameters"]:
            if one["name"] in ("cursor", "event") or one["in"] == "path":
                continue
            query = f"{one['name']}={special.get(one['name'], values[one['schema']['type']])}"
            if query == "by=1" and path == "/api/v1/timeseries":
                query = "by=pid"
            if path == "/api/v1/heatmap" and one["name"] != "type":
                query += "&type=runq.host"
            if path == "/api/v1/latency/functions":
                query = "name=libc.so.6:malloc" + query.replace("name=1", "").replace("pid", "&pid")
                query = query.replace("pid=1", f"pid={os.getpid()}")
            query = query.replace("[]", "%5B%5D") + rest
            assert serve.status(f"{path}?{query}") == 200, (path, query)


class Page(html.parser.HTMLParser):
    """The text of a page, its links, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.words = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        self.links += [value for key, value in attrs if key == "href" and value[0] == "/"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_plain_page_leads_to_all_of_it(serve):
    page = Page(serve.text("/plain"))
    words = "".join(page.words)
    for part in serve.get("/api/v1/status")["collectors"]:
        assert part["name"] in words
    assert str(serve.store) in words and "/openapi.json" in page.links
    asking = {"/api/v1/heatmap", "/api/v1/latency/functions",
              *(f"/prometheus/api/v1/{name}" for name in ("query", "query_range", "series"))}
    for link in set(page.links) - asking:  # these want to know of what
        assert serve.status(link) in (200, 503), link
    heads = curl("-D", "-", "-o", "/dev/null", serve.url + "/plain").stdout
    assert "default-src 'none'" in heads and "nosniff" in heads
