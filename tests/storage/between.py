"""What stands between a client and a server on loopback: it counts requests, delays them, answers in place of the
server, or rewrites what the server does not know.

It has a process of its own, since some clients hold the interpreter's lock while they wait for an answer.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import re
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

_OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "proxy-connection", "content-length"}
_CONTROL = "/--between--"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    amend: Callable[[Answer], Answer] = lambda answer: answer

    @property
    def kind(self) -> str:
        """GET, HEAD, PUT, ..., or LIST, as S3 has it."""
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return "LIST" if self.method == "GET" and {"list-type", "prefix"} & query.keys() else self.method


Rule = Callable[[Request], "Request | Answer"]
"""What becomes of a request: it goes on, as it is or otherwise, or is answered here; status 0 ends its connection."""


def passed() -> Rule:
    return lambda request: request


def slow(seconds: float) -> Rule:
    def rule(request: Request) -> Request:
        time.sleep(seconds)
        return request

    return rule


def throttled(times: int, status: int = 503, methods: str = "GET HEAD PUT POST LIST DELETE") -> Rule:
    """Of requests with these methods, one goes on after so many were told to slow down; -1: none ever does."""
    numbers = itertools.count()
    refusal = _refusal(status, "SlowDown", "Reduce your request rate.")

    def rule(request: Request) -> Request | Answer:
        if request.kind not in methods.split() or (times >= 0 and next(numbers) % (times + 1) == times):
            return request
        return refusal

    return rule


def read_only() -> Rule:
    refusal = _refusal(403, "AccessDenied", "Access Denied")
    return lambda request: request if request.method in ("GET", "HEAD") else refusal


def expired(key: str | None = None) -> Rule:
    """As Amazon answers whoever comes with a session's token that is too old, or whoever wants this key."""
    refusal = _refusal(400, "ExpiredToken", "The provided token has expired.")

    def rule(request: Request) -> Request | Answer:
        is_meant = key in request.path if key else "x-amz-security-token" in _lower(request.headers)
        return refusal if is_meant else request

    return rule


def of_region(region: str) -> Rule:
    """As Amazon answers what is signed for another region than the bucket's."""

    def rule(request: Request) -> Request | Answer:
        signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/s3/", _lower(request.headers).get("authorization", ""))
        if signed is None or signed[1] == region:
            return request
        wrong = f"The authorization header is malformed; the region '{signed[1]}' is wrong; expecting '{region}'"
        return _refusal(400, "AuthorizationHeaderMalformed", wrong, f"<Region>{region}</Region>")

    return rule


def _refusal(status: int, code: str, message: str, more: str = "") -> Answer:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    return Answer(status, text.encode(), {"Content-Type": "application/xml"})


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def unconditional() -> Rule:
    """A store that takes If-None-Match, and does not heed it."""

    def rule(request: Request) -> Request:
        return replace(request, headers={n: v for n, v in request.headers.items() if n.lower() != "if-none-match"})

    return rule


def gone_after(requests: int, methods: str = "GET PUT") -> Rule:
    """After so many requests of these methods every connection ends without an answer."""
    seen = itertools.count(1)
    is_gone = threading.Event()

    def rule(request: Request) -> Request | Answer:
        if request.kind in methods.split() and next(seen) > requests:
            is_gone.set()
        return Answer(0) if is_gone.is_set() else request

    return rule


def xml_puts_as_json() -> Rule:
    """Google's XML interface has PUTs of objects, and fake-gcs-server only those of the JSON one: the same request."""

    def rule(request: Request) -> Request:
        parts = urlsplit(request.path)
        bucket, _, key = parts.path.lstrip("/").partition("/")
        if request.method != "PUT" or parts.query or not key or bucket in ("storage", "upload", "resumable"):
            return request
        wanted = _lower(request.headers).get("x-goog-if-generation-match")
        condition = f"&ifGenerationMatch={wanted}" if wanted is not None else ""
        name = quote(unquote(key), safe="")
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}{condition}"
        return replace(request, method="POST", path=path, amend=_with_headers)

    return rule


def _with_headers(answer: Answer) -> Answer:
    if answer.status != 200:
        return answer
    told = json.loads(answer.body)
    headers = {"ETag": f'"{told["etag"]}"', "x-goog-generation": str(told["generation"])}
    return replace(answer, body=b"", headers=headers)


_KNOWN = (passed, slow, throttled, read_only, expired, of_region, unconditional, gone_after, xml_puts_as_json)
RULES: dict[str, Callable[..., Rule]] = {each.__name__: each for each in _KNOWN}


class Between:
    """Listens on `port` and passes on to a server's, by a rule that may be changed at any time."""

    def __init__(self, upstream: int, folder: Path, rule: str = "passed", **options: Any) -> None:
        from processes import Process, answers, free_port

        self.port = free_port()
        command = [sys.executable, __file__, str(self.port), str(upstream)]
        self._process = Process(command, folder, lambda: answers(self.port), name="between")
        self._process.start()
        self.by(rule, **options)

    def by(self, rule: str, **options: Any) -> None:
        self._ask(json.dumps([rule, options]).encode())

    def counts(self) -> Counter[str]:
        """The requests by kind since the last call."""
        return Counter(json.loads(self._ask()))

    def end(self) -> None:
        self._process.end()

    def _ask(self, content: bytes | None = None) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{_CONTROL}", content, timeout=10) as answer:
            return bytes(answer.read())


@dataclass
class Passage:
    upstream: int
    rule: Rule = field(default_factory=passed)
    counts: Counter[str] = field(default_factory=Counter)

    def controlled(self, content: bytes) -> Answer:
        if content:
            name, options = json.loads(content)
            self.rule = RULES[name](**options)
            return Answer(200)
        counts, self.counts = self.counts, Counter()
        return Answer(200, json.dumps(counts).encode())

    def answer(self, request: Request) -> Answer:
        if request.path == _CONTROL:
            return self.controlled(request.body)
        self.counts[request.kind] += 1
        ruled = self.rule(request)
        if isinstance(ruled, Answer):
            return ruled
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        try:
            upstream.putrequest(ruled.method, ruled.path, skip_host=True, skip_accept_encoding=True)
            for name, value in ruled.headers.items():
                if name.lower() not in _OF_ONE_HOP:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(ruled.body)))
            upstream.endheaders(ruled.body)
            answer = upstream.getresponse()
            return ruled.amend(Answer(answer.status, answer.read(), dict(answer.getheaders())))
        except (OSError, http.client.HTTPException):
            # As where the server is gone: the connection ends without an answer.
            return Answer(0)
        finally:
            upstream.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet, or the client waits for the second.
    wbufsize = -1
    passage: Passage

    def _serve(self) -> None:
        with contextlib.suppress(ConnectionError):
            answer = self.passage.answer(Request(self.command, self.path, dict(self.headers.items()), self._body()))
            if answer.status:
                self._send(answer)
            else:
                self.close_connection = True

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        length = str(len(answer.body))
        for name, value in answer.headers.items():
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _serve  # noqa: N815 - as http.server calls them

    def log_message(self, *_: Any) -> None:
        return


def main() -> None:
    port, upstream = map(int, sys.argv[1:])
    _Handler.passage = Passage(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
