"""Plays the day for a real Prometheus, and compares the alerts that fire with those that should.

usage: day.py PROMETHEUS DAY RULES [--report]
"""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).parent / "../.."
SPEED = 120
SCRAPE = 0.2  # 24 s of the day
UNITS = {"s": 1, "m": 60, "h": 3600}


def scaled(rules):
    """The rules, with all that is a time of the day made shorter."""

    def duration(number, unit):
        return f"{int(int(number) * UNITS[unit] * 1000 / SPEED)}ms"

    def in_expression(match):
        return match[1] + duration(match[2], match[3])

    rules, durations = re.subn(r"(\[|offset |for: )(\d+)([smh])\b", in_expression, rules)
    rules, seconds = re.subn(r"\* 60\b", f"* {60 / SPEED}", rules)
    assert durations > 20 and seconds == 2, "the rules are not written as this script expects"
    return rules


def check_buckets():
    """The day has the buckets that the page recommends."""

    def buckets(path, pattern):
        return re.findall(pattern, (ROOT / path).read_text())

    recommended = buckets("src/docs/prometheus.rs", r"let token_\w+ = \[([\d., ]+)\]")
    assert len(recommended) == 2
    assert buckets("tests/prometheus/src/scrape.rs", r"const TOKEN_\w+: \S+ \d+\] = \[([\d., ]+)\]") == recommended


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, path, **parameters):
    url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]


def wait_until(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"not within {seconds} s: {what}")


def play(prometheus, day, rules, folder):
    """Returns what the day said, and when each alert fired, in minutes of the day."""
    processes = []
    try:
        clients = subprocess.Popen([day], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(clients)
        said = []

        def read_until(word):
            for line in clients.stdout:
                said.append(line.rstrip("\n").split("\t"))
                if said[-1][0] == word:
                    return said[-1]
            sys.exit(f"the day ended before it said {word}")

        address = read_until("address")[1]
        with open(f"{folder}/rules.yml", "w") as file:
            file.write(scaled(rules))
        with open(f"{folder}/prometheus.yml", "w") as file:
            intervals = {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"}
            job = {"job_name": "day", "static_configs": [{"targets": [address]}]}
            json.dump({"global": intervals, "rule_files": ["rules.yml"], "scrape_configs": [job]}, file)
        port = free_port()
        with open(f"{folder}/log", "w") as log:
            arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
            arguments += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
            processes.append(subprocess.Popen([prometheus, *arguments], stdout=log, stderr=log))
        up = lambda: ask(port, "/api/v1/query", query=f'up{{instance="{address}"}} offset 5s == 1')["result"]
        wait_until("Prometheus scrapes", up)
        clients.stdin.write("go\n")
        clients.stdin.flush()
        read_until("day")
        read_until("over")
        time.sleep(0.5)
        began = float(next(line for line in said if line[0] == "day")[1])
        metadata = ask(port, "/api/v1/metadata")
        missed = ask(port, "/api/v1/query", query="rate(prometheus_rule_group_iterations_missed_total[1m])")["result"]
        fired = {}
        for series in ask(port, "/api/v1/query", query='ALERTS{alertstate="firing"}[10m]')["result"]:
            key = (series["metric"]["key_id"], series["metric"]["alertname"])
            minutes = [(float(at) - began) * SPEED / 60 for at, _ in series["values"]]
            first, last = fired.get(key, (minutes[0], minutes[-1]))
            fired[key] = (min(first, minutes[0]), max(last, minutes[-1]))
        return said, fired, metadata, missed
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)


def judge(said, fired, metadata):
    """What is wrong."""
    expected = {(line[1], line[2]): [int(number) for number in line[3:]] for line in said if line[0] == "expect"}
    for key, (first, last) in sorted(fired.items()):
        if key not in expected:
            yield f"{key[0]}: {key[1]} fired from minute {first:.1f} to {last:.1f}, and should not"
    for key, (since, by, until) in expected.items():
        if key not in fired:
            yield f"{key[0]}: {key[1]} did not fire"
            continue
        first, last = fired[key]
        if not since <= first <= by:
            yield f"{key[0]}: {key[1]} fired first at minute {first:.1f}, not between {since} and {by}"
        if last > until:
            yield f"{key[0]}: {key[1]} fired until minute {last:.1f}, not {until}"
    ours = {name: entries[0]["help"] for name, entries in metadata.items() if name.startswith("sinch_auth_")}
    if len(ours) < 12 or not all(ours.values()):
        yield f"Prometheus has help texts for {sorted(name for name, text in ours.items() if text)} only"


def main():
    prometheus, day, rules = sys.argv[1:4]
    check_buckets()
    folder = tempfile.mkdtemp()
    started = time.monotonic()
    try:
        with open(rules) as file:
            text = file.read()
        said, fired, metadata, missed = play(prometheus, day, text, folder)
        if "--report" in sys.argv:
            for key, (first, last) in sorted(fired.items()):
                print(f"{key[0]:24} {key[1]:32} {first:6.1f} {last:6.1f}")
            print(missed, [line for line in said if line[0] == 'lag'])
        faults = list(judge(said, fired, metadata))
        never = set(re.findall(r"- alert: (\w+)", text)) - {alert for _, alert in fired}
        faults += [f"{alert} fired in no story" for alert in sorted(never)]
        for fault in faults:
            print(fault)
        if faults:
            with open(f"{folder}/log") as log:
                print(log.read()[-2000:])
            sys.exit(1)
        print(f"{len(fired)} alerts fired when they should, and no other, in {time.monotonic() - started:.0f} s")
    finally:
        shutil.rmtree(folder)


main()
