"""Checks examples/prometheus/dashboard.json: its structure, and its queries by promtool and by the page of the metrics.

usage: dashboard.py PROMTOOL
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent / "../.."
# Labels that Prometheus adds.
ADDED = {"job", "instance", "le"}


def documented():
    """The metrics as they are scraped, and the labels of each."""
    page = (ROOT / "src/docs/observability.rs").read_text()
    rows = re.findall(r"^//! \| `(sinch_auth_\w+)` \| (\w+) \| ([^|]*)\|", page, re.MULTILINE)
    metrics = {}
    for name, kind, labels in rows:
        suffixes = ["_bucket", "_count", "_sum"] if kind == "histogram" else [""]
        metrics |= {name + suffix: set(re.findall(r"`(\w+)`", labels)) | ADDED for suffix in suffixes}
    assert len(rows) == 13, rows
    return metrics


def check_queries(queries, metrics):
    """Each names metrics of the page only, with the labels that they have."""
    for query in queries:
        names = set(re.findall(r"\bsinch_auth_\w+", query))
        assert names and names <= metrics.keys(), query
        for name, labels in re.findall(r"\b(sinch_auth_\w+)\{([^}]*)\}", query):
            used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))
            assert used <= metrics[name], (query, used - metrics[name])
        for labels in re.findall(r"\bby \(([^)]*)\)", query):
            used = {label.strip() for label in labels.split(",")}
            assert all(used <= metrics[name] for name in names), (query, used)


def check_syntax(queries, promtool):
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    for rule in rules:
        rule["expr"] = rule["expr"].replace("$__rate_interval", "1m").replace("$__range", "1h")
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        answer = subprocess.run([promtool, "check", "rules", file.name], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def overlap(one, other):
    one, other = one["gridPos"], other["gridPos"]
    return all(one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in ("xw", "yh"))


def check_structure(dashboard):
    assert dashboard["uid"] and dashboard["title"] and dashboard["schemaVersion"] >= 36
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance", "key_id"]
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        position = panel["gridPos"]
        assert position["x"] + position["w"] <= 24, panel["title"]
        clashes = [other["title"] for other in panels if other is not panel and overlap(panel, other)]
        assert not clashes, (panel["title"], clashes)
        if panel["type"] == "row":
            continue
        assert panel["type"] in ("stat", "timeseries") and panel["title"] and panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"] in ("s", "reqps", "short"), panel["title"]
        for part in [panel, *panel["targets"]]:
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references)
        for target in panel["targets"]:
            assert all(f'{name}=~"${name}"' in target["expr"] for name in ("job", "instance", "key_id"))
            assert target["legendFormat"]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard))) - {"__rate_interval", "__range", "__all"}
    assert used <= variables.keys(), used


def main():
    dashboard = json.loads((ROOT / "examples/prometheus/dashboard.json").read_text())
    check_structure(dashboard)
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    metrics = documented()
    check_queries(queries, metrics)
    check_syntax(queries, sys.argv[1])
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for query in queries for name in re.findall(r"sinch_auth_\w+", query)}
    missing = {re.sub(r"_(bucket|count|sum)$", "", name) for name in metrics} - shown
    assert not missing, f"no panel shows {missing}"
    print(f"the dashboard's {len(queries)} queries in {len(panels)} panels are sound")


main()
