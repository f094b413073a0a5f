"""A server that pods of tests run: it tells what a container sees, and lets tests change its health.

GET /env answers the environment, GET /file?PATH a file's content, GET /ready 200 or 503; POST /ready/no and /ready/yes
change that, POST /exit/3 ends the process with code 3. On SIGTERM it says so on its output, serves LINGER_S more
seconds and ends with code 0.
"""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import signal
import sys
import threading
import time


class Witness(http.server.BaseHTTPRequestHandler):
    """One request."""

    ready = True

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/env":
            self.answer(200, json.dumps(dict(os.environ)))
        elif path == "/file":
            file = pathlib.Path(query)
            self.answer(*((200, file.read_text()) if file.is_file() else (404, f"no file {query}")))
        else:
            self.answer(200 if Witness.ready else 503, "")

    def do_POST(self) -> None:
        _, verb, value = self.path.split("/", 2)
        if verb == "exit":
            os._exit(int(value))
        Witness.ready = value == "yes"
        self.answer(200, "")

    def answer(self, code: int, text: str) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, form: str, *values: object) -> None:
        """Probes would fill the log."""


def _leave(_signal: int, _frame: object) -> None:
    print("told to leave", flush=True)
    threading.Thread(target=_linger).start()


def _linger() -> None:
    time.sleep(float(os.environ.get("LINGER_S", "0")))
    print("left", flush=True)
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Witness).serve_forever()
