"""Radiographs of a web server."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from proxy import Faults, Proxy


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server(images):
    it = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=images[0].parent))
    threading.Thread(target=it.serve_forever, daemon=True).start()
    yield it.server_port
    it.shutdown()


def test_files_are_read_through_faults(predict, server, local, images, tmp_path):
    with Proxy(server, Faults(seed=3, drop=0.15, throttle=0.2, truncate=0.2)) as proxy:
        urls = [f"{proxy.url}/{image.name}?signature=secret" for image in images]
        done = predict(tmp_path / "o.csv", urls, "--findings", tmp_path / "f.jsonl")
    assert (done.code, done.csv) == (0, local), done.said
    assert {"drop", "throttle", "truncate"} <= set(proxy.counts)
    assert "secret" not in (tmp_path / "f.jsonl").read_text()


def test_a_missing_file_is_named(predict, server, tmp_path):
    url = f"http://127.0.0.1:{server}/none.dcm"
    done = predict(tmp_path / "o.csv", [url])
    assert done.code == 2 and url in done.said and "404" in done.said, done.said


def test_a_list_names_urls(predict, server, local, images, tmp_path):
    urls = [f"http://127.0.0.1:{server}/{image.name}" for image in images]
    (tmp_path / "l.csv").write_text("url,age\n" + "".join(f"{url},7\n" for url in urls))
    done = predict(tmp_path / "o.csv", [], "--list", tmp_path / "l.csv", "--path-column", "url")
    assert (done.code, done.csv) == (0, local), done.said
