"""Serves the viewer's files on this machine, and passes its DICOMweb requests to the PACS: one origin, as browsers ask.

    python3 viewer.py FOLDER [PORT]
"""

import http.server
import sys
import urllib.error
import urllib.request
from pathlib import Path

PACS = "http://127.0.0.1:8042"
HERE = Path(__file__).parent


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files, the settings, and the PACS."""

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith("/dicom-web/"):
            self.from_pacs()
        elif path == "/app-config.js":
            self.answer(200, "text/javascript", (HERE / "app-config.js").read_bytes())
        else:
            # addresses such as /viewer are the page's own
            if not Path(self.translate_path(path)).is_file():
                self.path = "/index.html"
            super().do_GET()

    def from_pacs(self):
        headers = {"Accept": self.headers["Accept"]} if self.headers["Accept"] else {}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(PACS + self.path, headers=headers), timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError as error:
            return self.answer(502, "text/plain", f"the PACS does not answer: {error}".encode())
        with answer:
            self.answer(answer.status, answer.headers.get("Content-Type", "application/octet-stream"), answer.read())

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self):
        # browsers share memory between the viewer's threads only with these
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    folder, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), lambda *args: Handler(*args, directory=folder)) as server:
        server.serve_forever()
