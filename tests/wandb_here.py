"""W&B on this machine alone: a server that keeps every byte it is sent, and the runs that were
written to disk."""

import gzip
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

BLOCK, HEADER = 32768, 7
"""bytes; the log of a run is cut into blocks, and pieces of records in them have a header
(LevelDB's log format)."""

PROJECT = {"id": "P", "name": "ecgae", "entity": {"id": "E", "name": "somebody"}}
VIEWER = {
    "id": "U",
    "entity": "somebody",
    "username": "somebody",
    "email": "",
    "flags": "{}",
    "teams": {"edges": []},
}
RUN = {
    **{
        "id": "R",
        "name": "r",
        "displayName": "r",
        "description": None,
        "config": "{}",
        "sweepName": None,
    },
    **{"project": PROJECT, "historyLineCount": 0},
}


class Server(ThreadingHTTPServer):
    """Answers what a run and a workspace ask; `received`: path and body of every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, bytes]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def bytes(self) -> bytes:
        return b"\n".join(path.encode() + b"\n" + body for path, body in self.received)

    def asked(self, name: str) -> list[dict[str, Any]]:
        """The variables of the GraphQL requests that name this mutation."""
        queries = [json.loads(body) for path, body in self.received if path == "/graphql"]
        return [query["variables"] for query in queries if name in query["query"]]

    def exit_code(self) -> int | None:
        """What the last run said when it ended."""
        told = [json.loads(body) for path, body in self.received if path.endswith("/file_stream")]
        return next((each["exitcode"] for each in reversed(told) if each.get("complete")), None)

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up after its last request is no error; what it misses a test will
        see."""

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        text, variables = query["query"], query.get("variables") or {}
        if "createRunFiles" in text:
            files = [
                {"name": name, "uploadUrl": f"{self.address}/upload/{name}"}
                for name in variables["files"]
            ]
            return {"createRunFiles": {"runID": "R", "uploadHeaders": [], "files": files}}
        if "upsertBucket" in text:
            return {
                "upsertBucket": {"bucket": {**RUN, "name": variables["name"]}, "inserted": True}
            }
        if "upsertView" in text:
            return {"upsertView": {"view": {"id": "V", "name": "nw-abc-v"}, "inserted": True}}
        return {"viewer": VIEWER}


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._body()
        self.server.received.append((self.path, body))
        content = {"data": self.server.answer(json.loads(body))} if self.path == "/graphql" else {}
        told = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_PUT = do_GET = do_POST  # noqa: N815  http.server's names

    def _body(self) -> bytes:
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def server() -> Iterator[Server]:
    with Server() as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def runs_in(folder: Path) -> list[Path]:
    return sorted((folder / "wandb").glob("*run-*"))


def records(run: Path) -> list[dict[str, Any]]:
    """What the log of a run holds, in W&B's own reading; a killed run's as far as it was
    written."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(run)]
    where = run.parents[1]  # the command writes a log of its own into wandb/, there and not here
    read = subprocess.run(
        command, cwd=where, capture_output=True, text=True, timeout=60, check=False
    )
    if "No such command" in read.stderr:
        pytest.skip("this version of W&B cannot read the runs that it wrote offline")
    return [json.loads(line) for line in read.stdout.splitlines()]


def of_kind(read: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """All records of one kind together; the later ones count."""
    merged: dict[str, Any] = {}
    for record in read:
        if record["type"] == kind:
            merged |= record[kind].get("update", record[kind].get("item", record[kind]))
    return merged


def written(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, by its path; logs of runs without the headers that may cut a word
    in two."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {
        str(file.relative_to(folder)): _joined(file.read_bytes())
        if file.suffix == ".wandb"
        else file.read_bytes()
        for file in files
    }


def _joined(log: bytes) -> bytes:
    found, place = [], HEADER  # the file's own header has the same length
    while place + HEADER <= len(log):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
            continue
        (size,) = struct.unpack("<H", log[place + 4 : place + 6])
        found.append(log[place + HEADER : place + HEADER + size])
        place += HEADER + size
    return b"".join(found)
