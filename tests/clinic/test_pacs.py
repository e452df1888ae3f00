"""A real Orthanc keeps what the node sends, each object once, by C-STORE and by STOW-RS."""

import io
import json
import os
import signal
import subprocess

import highdicom
import pydicom
from conftest import IMAGES, NODE, PACS, ROOT, metric, post, settled, until


def results(clinic):
    """The DICOM objects that the node wrote as files, by UID."""
    return {path.stem: pydicom.dcmread(path) for path in clinic.results.glob("*.dcm")}


def findings(clinic):
    return [json.loads(path.read_text()) for path in clinic.results.glob("*.json")]


def test_the_pacs_holds_every_object_as_it_was_sent(clinic):
    sent = results(clinic)
    positive = sum(answer["outcome"] == "positive" for answer in findings(clinic))
    assert len(findings(clinic)) == IMAGES and 0 < positive < IMAGES
    assert sorted(found.Modality for found in sent.values()) == sorted(["OT", "SR"] * IMAGES + ["SEG", "PR"] * positive)
    assert len(clinic.instances()) == IMAGES + len(sent)
    for uid, expected in sent.items():
        stored = pydicom.dcmread(io.BytesIO(clinic.file(uid)))
        assert stored == expected, uid


def test_the_segmentation_in_the_pacs_has_the_findings_pixels(clinic):
    areas = {answer["finding"]["id"]: (answer["finding"]["areas"] or [0])[-1] for answer in findings(clinic)}
    checked = 0
    for uid, expected in results(clinic).items():
        if expected.Modality != "SEG":
            continue
        seg = highdicom.seg.segread(io.BytesIO(clinic.file(uid)))
        source = expected.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
        pixels = seg.get_pixels_by_source_instance(source_sop_instance_uids=[source])
        assert int(pixels.sum()) == areas[source]
        checked += 1
    assert checked


def test_what_is_sent_again_changes_nothing(clinic):
    before = sorted(clinic.instances())
    duplicates = metric(NODE, "duplicates_total")
    sources = [path for path in (clinic.folder / "demo/radiographs").glob("*.dcm")]
    for path in sources:
        stored = json.loads(post(f"{PACS}/instances", path.read_bytes()))
        assert stored["Status"] == "AlreadyStored"
        post(f"{PACS}/modalities/pleura/store", stored["ID"].encode())
    until("all came again", lambda: metric(NODE, "duplicates_total") == duplicates + len(sources))
    assert sorted(clinic.instances()) == before


def test_stow_sends_the_same_objects(clinic, tmp_path):
    before = sorted(clinic.instances())
    # one is missing in the PACS, and STOW brings it back
    lost = next(uid for uid, found in results(clinic).items() if found.Modality == "SEG")
    [found] = json.loads(post(f"{PACS}/tools/lookup", lost.encode()))
    subprocess.run(["curl", "-sf", "-X", "DELETE", f"{PACS}/instances/{found['ID']}", "-o", os.devnull], check=True)
    assert len(clinic.instances()) == len(before) - 1
    rules = tmp_path / "rules.toml"
    rules.write_text(
        f'[destinations.pacs]\nstow = {{ url = "{PACS}/dicom-web/studies" }}\n[[rules]]\nsend = ["pacs"]\n'
    )
    command = [os.environ["PLEURA"], "serve", "ensembles/demo.toml", "--spool", str(tmp_path / "spool")]
    command += ["--rules", str(rules), "--dicom", "off", "--http", "127.0.0.1:8081"]
    node = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        until("the node starts", lambda: answers("http://127.0.0.1:8081/health"))
        for path in (clinic.folder / "demo/radiographs").glob("*.dcm"):
            part = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n--b--\r\n"
            subprocess.run(
                ["curl", "-sf", "--data-binary", "@-", "-o", os.devnull, "http://127.0.0.1:8081/studies"]
                + ["-H", 'Content-Type: multipart/related; type="application/dicom"; boundary=b'],
                input=part,
                check=True,
            )
        until("all are sent", lambda: settled("http://127.0.0.1:8081", IMAGES))
    finally:
        node.send_signal(signal.SIGTERM)
        assert node.wait(30) == 0
    assert sorted(clinic.instances()) == before


def answers(url: str) -> bool:
    return subprocess.run(["curl", "-sf", "-o", os.devnull, url], check=False).returncode == 0
