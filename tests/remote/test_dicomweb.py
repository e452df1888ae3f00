"""Radiographs of a DICOMweb server: a small one, which has the studies of the demo."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pydicom
import pytest
from proxy import Faults, Proxy

PAGE = 5
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"


class Server(ThreadingHTTPServer):
    def __init__(self, images):
        super().__init__(("127.0.0.1", 0), Handler)
        self.instances = []
        for image in images:
            data = pydicom.dcmread(image, stop_before_pixels=True)
            study, series = str(data.get("StudyInstanceUID", "1.2.3")), str(data.get("SeriesInstanceUID", "1.2.4"))
            self.instances.append((study, series, data.SOPInstanceUID, data.SOPClassUID, image.read_bytes()))
        # a report, which has no pixels
        self.instances.append((self.instances[0][0], "1.2.99", "1.2.99.1", REPORT, b"no image"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.headers.get("Authorization") != "Bearer token":
            return self.answer(401, "text/plain", b"who are you?")
        url = urlsplit(self.path)
        words = url.path.strip("/").split("/")
        assert words[0] == "dicom-web"
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match words[1:]:
            case ["studies"]:
                studies = dict.fromkeys(study for study, *_ in self.server.instances)
                self.found([{"0020000D": uid(study)} for study in studies], query)
            case ["instances"]:
                self.found([described(it) for it in self.server.instances], query)
            case ["studies", study, "instances"]:
                self.found([described(it) for it in self.server.instances if it[0] == study], query)
            case ["studies", study, "series", series, "instances", instance]:
                [it] = [it for it in self.server.instances if it[:3] == (study, series, instance)]
                part = b"--b-1\r\nContent-Type: application/dicom\r\n\r\n" + it[4] + b"\r\n--b-1--\r\n"
                self.answer(200, 'multipart/related; type="application/dicom"; boundary=b-1', part)
            case _:
                self.answer(404, "text/plain", b"")

    def found(self, all, query):
        # fewer than asked for, as servers may
        start, count = int(query.get("offset", 0)), min(int(query.get("limit", PAGE)), PAGE)
        page = all[start : start + count]
        self.answer(200 if page else 204, "application/dicom+json", json.dumps(page).encode() if page else b"")

    def answer(self, status, media, body):
        self.send_response(status)
        self.send_header("Content-Type", media)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def uid(value):
    return {"vr": "UI", "Value": [str(value)]}


def described(instance):
    study, series, sop, kind, _ = instance
    return {"0020000D": uid(study), "0020000E": uid(series), "00080018": uid(sop), "00080016": uid(kind)}


@pytest.fixture(scope="module")
def server(images):
    it = Server(images)
    threading.Thread(target=it.serve_forever, daemon=True).start()
    yield it
    it.shutdown()


TOKEN = {"DICOMWEB_TOKEN": "token"}


@pytest.mark.parametrize("below", ["", "/studies", "/instances?Modality=DX"])
def test_what_is_found_is_retrieved_through_faults(predict, server, local, tmp_path, below):
    with Proxy(server.server_port, Faults(seed=5, drop=0.15, throttle=0.2, truncate=0.2)) as proxy:
        url = f"dicomweb+{proxy.url}/dicom-web{below}"
        done = predict(tmp_path / "o.csv", [url], "--findings", tmp_path / "f.jsonl", env=TOKEN)
    assert (done.code, done.csv) == (0, local), done.said
    assert {"drop", "throttle", "truncate"} <= set(proxy.counts)
    files = {json.loads(line)["file"] for line in (tmp_path / "f.jsonl").read_text().splitlines()}
    root = f"dicomweb+{proxy.url}/dicom-web"
    assert files == {f"{root}/studies/{it[0]}/series/{it[1]}/instances/{it[2]}" for it in server.instances[:-1]}


def test_a_single_instance(predict, server, images, tmp_path):
    study, series, instance, *_ = server.instances[2]
    root = f"dicomweb+http://127.0.0.1:{server.server_port}/dicom-web"
    url = f"{root}/studies/{study}/series/{series}/instances/{instance}"
    done = predict(tmp_path / "o.csv", [url], env=TOKEN)
    assert (done.code, done.csv) == (0, predict(tmp_path / "p.csv", [images[2]]).csv), done.said


def test_a_server_that_wants_credentials_says_so(predict, server, tmp_path):
    done = predict(tmp_path / "o.csv", [f"dicomweb+http://127.0.0.1:{server.server_port}/dicom-web"])
    assert done.code == 2 and "check the credentials" in done.said and "401" in done.said, done.said


def test_an_instance_of_another_id_is_skipped(predict, server, images, tmp_path):
    other = Server(images[:2])
    other.instances = [(*other.instances[0][:4], other.instances[1][4]), other.instances[1]]
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        done = predict(tmp_path / "o.csv", [f"dicomweb+http://127.0.0.1:{other.server_port}/dicom-web"], env=TOKEN)
    finally:
        other.shutdown()
    assert done.code == 1 and "but it is listed as" in done.said, done.said
    assert done.csv == predict(tmp_path / "p.csv", [images[1]]).csv
