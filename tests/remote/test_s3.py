"""Radiographs in S3, behind a proxy that breaks what passes through it."""

import csv
import io
import json
import os
import signal
import subprocess
import time

import pytest
from conftest import BUCKET, IMAGES, s3_client, s3_env
from proxy import Faults, Proxy

FOLDER = f"s3://{BUCKET}/in/"


def rows(text):
    """The mask of each id."""
    return dict(list(csv.reader(io.StringIO(text.decode())))[1:])


def objects(proxy):
    """The paths of the radiographs that were asked for."""
    return [path for path in proxy.paths if path.endswith(".dcm") and "?" not in path]


def receipt(out):
    return json.loads(out.with_suffix(".receipt.json").read_text())


def test_the_csv_is_that_of_local_files(predict, s3, local, tmp_path):
    env = s3_env(f"http://127.0.0.1:{s3}")
    done = predict(tmp_path / "o.csv", [FOLDER], "--findings", tmp_path / "f.jsonl", env=env)
    assert done.code == 0, done.said
    assert done.csv == local
    assert "left out 2 objects" in done.said
    files = [json.loads(line)["file"] for line in (tmp_path / "f.jsonl").read_text().splitlines()]
    assert len(files) == IMAGES and all(file.startswith(FOLDER) and file.endswith(".dcm") for file in files)
    assert files == sorted(files)


@pytest.mark.parametrize("seed", range(3))
def test_faults_that_pass_change_nothing(predict, s3, local, tmp_path, seed):
    with Proxy(s3, Faults(seed, drop=0.15, throttle=0.2, truncate=0.2)) as proxy:
        done = predict(tmp_path / "o.csv", [FOLDER], env=s3_env(proxy.url))
    assert done.code == 0, done.said
    assert done.csv == local
    for fault in ("drop", "throttle", "truncate"):
        assert proxy.counts.get(fault, 0) > 0, f"the schedule of seed {seed} has no {fault}: {proxy.counts}"


def test_lost_objects_are_skipped_by_name(predict, s3, local, images, tmp_path):
    lost = [images[3].name, images[17].name]
    with Proxy(s3, Faults(lost=frozenset(f"/in/{name}" for name in lost), throttle=0.1)) as proxy:
        done = predict(tmp_path / "o.csv", [FOLDER], env=s3_env(proxy.url))
    assert done.code == 1, done.said
    skipped = {item["file"]: item["reason"] for item in receipt(tmp_path / "o.csv")["skipped"]}
    assert set(skipped) == {FOLDER + name for name in lost}
    assert all("404" in reason for reason in skipped.values())
    expected, found = rows(local), rows(done.csv)
    assert len(found) == IMAGES - 2
    assert all(expected[id] == mask for id, mask in found.items())


def test_a_cut_object_is_never_a_row_of_its_own(predict, s3, local, tmp_path):
    with Proxy(s3, Faults(seed=4, cut=0.4)) as proxy:
        done = predict(tmp_path / "o.csv", [FOLDER], env=s3_env(proxy.url))
    assert proxy.counts.get("cut", 0) > 0
    assert done.code == 1, done.said
    expected, found = rows(local), rows(done.csv)
    assert 0 < len(found) < IMAGES
    assert all(expected[id] == mask for id, mask in found.items())
    reasons = [item["reason"] for item in receipt(tmp_path / "o.csv")["skipped"]]
    assert all("it changed since it was listed: its length" in reason for reason in reasons)


def test_a_server_that_fails_ends_the_run_as_transient_and_resume_goes_on(predict, s3, local, images, tmp_path):
    out = tmp_path / "o.csv"
    with Proxy(s3, Faults(broken=frozenset({f"/in/{images[5].name}"}))) as proxy:
        done = predict(out, [FOLDER], "--retry", "2", env=s3_env(proxy.url))
        assert done.code == 75, done.said
        assert done.csv is None
        assert f"cannot fetch `{FOLDER}{images[5].name}`" in done.said and "503" in done.said
        assert "continue with `--resume`" in done.said
        proxy.faults = Faults()
        proxy.paths.clear()
        done = predict(out, [FOLDER], "--resume", env=s3_env(proxy.url))
    assert (done.code, done.csv) == (0, local), done.said
    assert objects(proxy) == [f"/{BUCKET}/in/{images[5].name}"]


def test_a_lost_network_ends_the_run_early(predict, s3, tmp_path):
    with Proxy(s3, Faults(broken=frozenset({".dcm"}))) as proxy:
        done = predict(tmp_path / "o.csv", [FOLDER], "--retry", "1", "--prefetch", "4", env=s3_env(proxy.url))
    assert done.code == 75, done.said
    assert "16 images in a row" in done.said
    assert not (tmp_path / "o.csv").exists()


def test_a_killed_run_is_resumed_and_nothing_is_predicted_twice(predict, s3, local, tmp_path):
    out, journal = tmp_path / "o.csv", tmp_path / "o.csv.journal"
    with Proxy(s3, Faults(seed=1, throttle=0.1, truncate=0.1, delay=0.15)) as proxy:
        env = predict.env | s3_env(proxy.url)
        words = predict.command(out, [FOLDER], "--prefetch", "2", "--batch", "1")
        process = subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while not journal.exists() or journal.read_bytes().count(b"\n") < 6:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kept = {json.loads(line)["file"] for line in journal.read_bytes().decode().split("\n")[1:-1]}
        assert 5 <= len(kept) < IMAGES
        proxy.paths.clear()
        done = predict(out, [FOLDER], "--resume", env=s3_env(proxy.url))
    assert (done.code, done.csv) == (0, local), done.said
    assert receipt(out)["resumed"] == len(kept)
    read = {f"s3:/{path}" for path in objects(proxy)}
    assert not read & kept and len(read) == IMAGES - len(kept)


def test_an_object_that_changed_is_predicted_again(predict, s3, images, tmp_path):
    client, url = s3_client(s3), f"http://127.0.0.1:{s3}"
    for name, image in (("a.dcm", images[0]), ("b.dcm", images[1]), ("z.dcm", images[2])):
        client.put_object(Bucket=BUCKET, Key=f"changing/{name}", Body=image.read_bytes())
    folder, out = f"s3://{BUCKET}/changing/", tmp_path / "o.csv"
    with Proxy(s3, Faults(broken=frozenset({"/z.dcm"}))) as proxy:
        assert predict(out, [folder], "--retry", "1", env=s3_env(proxy.url)).code == 75
    client.put_object(Bucket=BUCKET, Key="changing/a.dcm", Body=images[3].read_bytes())
    done = predict(out, [folder], "--resume", env=s3_env(url))
    assert done.code == 0, done.said
    assert receipt(out)["resumed"] == 1
    alone = predict(tmp_path / "p.csv", [images[1], images[2], images[3]])
    assert done.csv == alone.csv


def test_shards_and_a_sample_are_chosen_by_ids(predict, s3, local, clean, tmp_path):
    env = s3_env(f"http://127.0.0.1:{s3}")
    shards = []
    for index in range(3):
        out = tmp_path / "o.csv"
        done = predict(out, [FOLDER], "--shard", f"{index}/3", env=env)
        assert done.code == 0, done.said
        shards.append(tmp_path / f"o.shard-{index}-of-3.csv")
    merged = tmp_path / "merged.csv"
    words = [predict.command(out, [])[0], "submission", "merge", *shards, "--out", merged]
    done = subprocess.run(words, capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr
    assert merged.read_bytes() == local
    ids = sorted(rows(local), reverse=True)[:5]
    (tmp_path / "sample.csv").write_text("ImageId,EncodedPixels\n" + "".join(f"{id},-1\n" for id in ids))
    done = predict(tmp_path / "s.csv", [FOLDER], "--sample", tmp_path / "sample.csv", env=env)
    assert list(rows(done.csv)) == ids, done.said


def test_single_objects_mix_with_files(predict, s3, local, images, tmp_path):
    inputs = [images[0], f"s3://{BUCKET}/in/{images[1].name}", *images[2:], f"s3://{BUCKET}/in/{images[1].name}"]
    done = predict(tmp_path / "o.csv", inputs, env=s3_env(f"http://127.0.0.1:{s3}"))
    assert (done.code, done.csv) == (0, local), done.said


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        (f"s3://{BUCKET}/none/", 2, "no such object"),
        ("s3://no-such-bucket/in/", 2, "404"),
        ("ftp://host/a", 2, "expected a URL of s3://"),
        ("http://host.example/a.dcm", 2, "unencrypted"),
    ],
)
def test_what_is_not_there_is_said(predict, s3, tmp_path, url, code, said):
    done = predict(tmp_path / "o.csv", [url], "--retry", "1", env=s3_env(f"http://127.0.0.1:{s3}"))
    assert done.code == code and said in done.said and url in done.said, done.said


def test_no_server_is_transient(predict, tmp_path):
    done = predict(tmp_path / "o.csv", [FOLDER], "--retry", "1", env=s3_env("http://127.0.0.1:9"))
    assert done.code == 75 and "cannot list" in done.said, done.said
