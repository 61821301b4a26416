"""The servers of `customer-analytics dev` as an attacker finds them, and a page of another site."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.production.servers import free_port

WIPE = 'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["prey"]}}]) { __typename } }'
CURSOR = """mutation { setSensorCursor(cursor: "stolen", sensorSelector: {repositoryLocationName: "customer_analytics",
    repositoryName: "__repository__", sensorName: "new_calls"}) { __typename } }"""
CURSORS = """{ sensorOrError(sensorSelector: {repositoryLocationName: "customer_analytics",
    repositoryName: "__repository__", sensorName: "new_calls"}) {
    ... on Sensor { sensorState { typeSpecificData { ... on SensorData { lastCursor } } } } } }"""
PREY = '{ assetOrError(assetKey: {path: ["prey"]}) { ... on Asset { assetMaterializations { runId } } } }'
ROUTES = {
    "ui": [
        *("/", "/runs", "/favicon.png", "/server_info", "/dagit_info", "/graphql", "/logs/a/b.out"),
        *("/notebook?path=a.ipynb&repoLocName=x", "/dagit/notebook", "/download_debug/run"),
        *("/report_asset_materialization/prey", "/report_asset_check/prey", "/report_asset_observation/prey"),
    ],
    "dashboard": [
        *("/", "/sales?customer=1", "/_stcore/health", "/_stcore/host-config", "/_stcore/metrics", "/media/a.csv"),
        *("/_stcore/upload_file/a/b", "/_stcore/agent/openapi.json", "/_stcore/agent/mcp", "/component/a/b"),
    ],
}
SOCKETS = {"ui": "/graphql", "dashboard": "/_stcore/stream"}


ATTACK = """async ({ui, dashboard, wipe, cursor}) => {
    const seen = [];
    const tried = async (what, attempt) => {
        const late = new Promise(done => setTimeout(() => done('nothing'), 5000));
        seen.push([what, await Promise.race([attempt().catch(() => 'refused'), late])]);
    };
    const read = async answer => (await answer).type === 'opaque' ? 'opaque' : (await (await answer).text()).slice(0, 80);
    for (const [query, name] of [[wipe, 'wipe'], [cursor, 'cursor']]) {
        const json = JSON.stringify({query}), address = `http://${ui}/graphql`;
        const got = `${address}?query=${encodeURIComponent(query)}`;
        await tried(`${name} by GET`, () => read(fetch(got, {mode: 'no-cors', credentials: 'include'})));
        await tried(`${name} by text`, () => read(fetch(address, {method: 'POST', mode: 'no-cors', body: json})));
        const trick = {method: 'POST', mode: 'no-cors', headers: {'Content-Type': 'text/plain; application/json'}};
        await tried(`${name} by disguise`, () => read(fetch(address, {...trick, body: json})));
        const honest = {method: 'POST', headers: {'Content-Type': 'application/json'}, body: json};
        await tried(`${name} by JSON`, () => read(fetch(address, honest)));
        await tried(`${name} by image`, () => new Promise(done => {
            const image = new Image(); image.onload = image.onerror = () => done('opaque'); image.src = got; }));
        const frame = document.body.appendChild(document.createElement('iframe')); frame.name = 'frame' + name;
        const form = document.body.appendChild(document.createElement('form'));
        Object.assign(form, {action: got, method: 'POST', enctype: 'text/plain', target: frame.name});
        form.submit();
        navigator.sendBeacon(address, json);
    }
    for (const [name, place] of [['ui', ui + '/graphql'], ['dashboard', dashboard + '/_stcore/stream']])
        await tried(`${name} socket`, () => new Promise(done => {
            const socket = new WebSocket('ws://' + place, name === 'ui' ? 'graphql-ws' : 'streamlit');
            socket.onopen = () => done('open'); socket.onerror = () => done('refused'); }));
    for (const place of [ui + '/server_info', dashboard + '/', dashboard + '/_stcore/host-config'])
        await tried(`read ${place}`, () => read(fetch(`http://${place}`)));
    return Object.fromEntries(seen);
}"""


@dataclass
class Served:
    """The two servers of `dev`, its process and its state folder."""

    deployment: Deployment
    pid: int
    ui: int
    dashboard: int

    def ask(
        self, server: str, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, str]:
        """The status and text of an answer; header names with _ for -."""
        port = getattr(self, server)
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        given = {"Host": f"127.0.0.1:{port}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, path, body, given)
        answer = client.getresponse()
        with answer:
            return answer.status, answer.read().decode(errors="replace")

    def graphql(self, query: str) -> Any:
        body = json.dumps({"query": query})
        status, text = self.ask("ui", "/graphql", "POST", body, Content_Type="application/json")
        assert status == 200, text
        return json.loads(text)["data"]

    def assert_untouched(self) -> None:
        """What the attacks are after is as it was."""
        assert self.graphql(PREY)["assetOrError"]["assetMaterializations"]
        assert "stolen" not in json.dumps(self.graphql(CURSORS))


@contextmanager
def dev(deployment: Deployment) -> Iterator[Served]:
    """`dev` over a state folder, with an asset `prey` that has a materialization."""
    ports = {"ui": free_port(), "dashboard": free_port()}
    process = deployment.start("dev", "--port", str(ports["ui"]), "--dashboard-port", str(ports["dashboard"]))
    try:
        assert process.stdout
        while "Ctrl-C stops" not in (line := process.stdout.readline()):
            assert line, "dev ended before it was ready"
        threading.Thread(target=process.stdout.read, daemon=True).start()  # so that its pipe never fills
        made = Served(deployment, process.pid, **ports)
        path = "/report_asset_materialization/prey"
        reported = made.ask("ui", path, "POST", "{}", Content_Type="application/json")
        assert reported[0] == 200, reported
        yield made
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def another_site() -> Iterator[int]:
    """The port of a site on loopback that is none of ours."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>evil</title><body></body>")

        def log_message(self, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
