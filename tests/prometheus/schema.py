"""Checks examples/prometheus/dashboard.json by Grafana's own types, `@grafana/schema`: no property that they do not know,
none missing, each of the kind that it should be. Nothing is rendered. Needs what `npm ci` installs beside this file.
"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
TYPES = "./node_modules/@grafana/schema/dist/types/raw"
# What the data source's plugin reads of an annotation, of which Grafana's types do not know.
OF_PLUGIN = ("expr", "titleFormat", "textFormat", "step")

CHECK = """
import type {{ Dashboard, Panel }} from "{types}/dashboard/x/types.gen";
import type {{ Options as Stat }} from "{types}/composable/stat/panelcfg/x/types.gen";
import type {{ Options as TimeSeries, FieldConfig as Lines }} from "{types}/composable/timeseries/panelcfg/x/types.gen";
// A literal is no member of an enumeration, though it has the same text.
type Loose<T> = T extends string ? `${{T}}` : T extends number ? number : T extends (infer U)[] ? Loose<U>[]
    : T extends object ? {{ [K in keyof T]: Loose<T[K]> }} : T;
export const dashboard: Loose<Dashboard> = {dashboard};
export const panels: Loose<Panel>[] = {panels};
export const stats: Loose<Stat>[] = {stats};
export const timeSeries: Loose<TimeSeries>[] = {time_series};
export const lines: Loose<Lines>[] = {lines};
"""


def main():
    dashboard = json.loads((HERE / "../../examples/prometheus/dashboard.json").read_text())
    for annotation in dashboard["annotations"]["list"]:
        for name in OF_PLUGIN:
            del annotation[name]
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    of = lambda kind: [panel for panel in panels if panel["type"] == kind]
    parts = {
        "dashboard": dashboard,
        "panels": panels,
        "stats": [panel["options"] for panel in of("stat")],
        "time_series": [panel["options"] for panel in of("timeseries")],
        "lines": [panel["fieldConfig"]["defaults"]["custom"] for panel in of("timeseries")],
    }
    check = HERE / "node_modules/check.ts"
    text = CHECK.format(types=TYPES.replace("./node_modules", "."), **{name: json.dumps(part) for name, part in parts.items()})
    check.write_text(text)
    options = {"strict": True, "noEmit": True, "skipLibCheck": True, "types": []}
    options |= {"module": "esnext", "moduleResolution": "bundler", "target": "es2022"}
    project = HERE / "node_modules/tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": options, "files": ["check.ts"]}))
    answer = subprocess.run([HERE / "node_modules/.bin/tsc", "--project", project])
    if answer.returncode:
        sys.exit("the dashboard is not what Grafana's types say")
    print("the dashboard has the types of Grafana's own schema")


main()
