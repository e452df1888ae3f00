"""Lists as Parquet, and findings as Parquet."""

import json
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
import pytest
from conftest import BUCKET, IMAGES, s3_env
from proxy import Proxy


@pytest.fixture(scope="module")
def ids(images):
    return [str(pydicom.dcmread(image, stop_before_pixels=True).SOPInstanceUID) for image in images]


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_a_list_as_parquet(predict, local, images, ids, tmp_path, compression):
    table = pa.table({"age": range(IMAGES), "path": [str(image) for image in images], "id": ids})
    pq.write_table(table, tmp_path / "l.parquet", compression=compression)
    listed = ["--list", tmp_path / "l.parquet", "--path-column", "path", "--id-column", "id"]
    done = predict(tmp_path / "o.csv", [], *listed)
    assert (done.code, done.csv) == (0, local), done.said


def test_shards_of_a_list_with_ids_ask_for_their_own_objects_only(predict, s3, local, clean, images, ids, tmp_path):
    urls = [f"s3://{BUCKET}/in/{image.name}" for image in images]
    pq.write_table(pa.table({"url": urls, "id": ids}), tmp_path / "l.parquet")
    listed = ["--list", tmp_path / "l.parquet", "--path-column", "url", "--id-column", "id"]
    asked, shards = [], []
    for index in range(2):
        with Proxy(s3) as proxy:
            out = tmp_path / "o.csv"
            done = predict(out, [], *listed, "--shard", f"{index}/2", env=s3_env(proxy.url))
        assert done.code == 0, done.said
        asked.append({path for path in proxy.paths})
        # one request for the version, and one for the object
        assert len(proxy.paths) == 2 * len(asked[-1])
        shards.append(tmp_path / f"o.shard-{index}-of-2.csv")
    assert not asked[0] & asked[1] and len(asked[0] | asked[1]) == IMAGES
    words = [predict.command(tmp_path, [])[0], "submission", "merge", *shards, "--out", tmp_path / "merged.csv"]
    done = subprocess.run(words, capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "merged.csv").read_bytes() == local


def test_an_id_that_a_list_has_wrong_is_not_predicted(predict, images, ids, tmp_path):
    table = pa.table({"path": [str(image) for image in images[:2]], "id": [ids[0], "another"]})
    pq.write_table(table, tmp_path / "l.parquet")
    listed = ["--list", tmp_path / "l.parquet", "--path-column", "path", "--id-column", "id"]
    done = predict(tmp_path / "o.csv", [], *listed)
    assert done.code == 1 and "listed as `another`" in done.said, done.said
    assert done.csv == predict(tmp_path / "p.csv", [images[0]]).csv


def test_faults_of_lists(predict, images, tmp_path):
    pq.write_table(pa.table({"file": ["a"], "n": [1]}), tmp_path / "l.parquet")
    for column, said in (("path", "found `file`, `n`"), ("n", "expected `n` as text, found 1")):
        done = predict(tmp_path / "o.csv", [], "--list", tmp_path / "l.parquet", "--path-column", column)
        assert done.code == 2 and said in done.said, done.said
    whole = (tmp_path / "l.parquet").read_bytes()
    for cut in (5, len(whole) // 2, len(whole) - 3):
        (tmp_path / "cut.parquet").write_bytes(whole[:cut])
        done = predict(tmp_path / "o.csv", [], "--list", tmp_path / "cut.parquet", "--path-column", "file")
        assert done.code == 2 and "cut.parquet" in done.said, done.said


def test_findings_as_parquet_say_what_those_as_json_say(predict, demo, images, tmp_path):
    for name in ("f.jsonl", "f.parquet"):
        done = predict(tmp_path / f"{name}.csv", [images[0].parent], "--findings", tmp_path / name)
        assert done.code == 0, done.said
    lines = [json.loads(line) for line in (tmp_path / "f.jsonl").read_text().splitlines()]
    table = pq.read_table(tmp_path / "f.parquet")
    rows = table.to_pylist()
    assert len(rows) == len(lines) == IMAGES
    for row, line in zip(rows, lines, strict=True):
        for key in ("id", "file", "positive", "area", "decision", "rle"):
            assert row[key] == line[key], key
        assert [row["height"], row["width"]] == line["size"]
        assert [row["score_low"], row["score_high"]] == pytest.approx(line["score"] or [None, None], nan_ok=True)
        assert dict(row["classifiers"]) == pytest.approx(line["classifiers"])
        assert row["areas"] == line["areas"]
        assert [row["classifier_runs"], row["segmenter_runs"]] == list(line["runs"].values())
    assert json.loads(table.schema.metadata[b"pleura.run"]) == lines[0]["run"]


def test_what_reads_json_lines_says_so(predict, images, clean, tmp_path):
    out, findings = tmp_path / "o.csv", tmp_path / "f.parquet"
    done = predict(out, images[:1], "--findings", findings, "--report", tmp_path / "r.html")
    assert done.code == 2 and "JSON lines" in done.said, done.said
    done = predict(out, images[:1], "--findings", findings)
    assert done.code == 0, done.said
    words = [predict.command(out, [])[0], "report", findings, "--out", tmp_path / "r.html"]
    done = subprocess.run(words, capture_output=True, text=True, env=clean)
    assert done.returncode == 2 and "JSON lines" in done.stderr, done.stderr
