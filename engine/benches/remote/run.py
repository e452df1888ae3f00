#!/usr/bin/env python3
"""Measures a run over many small images from an S3 server on this machine, and the same run over local files.

    engine/benches/remote/run.py PROGRAM ENSEMBLE IMAGES OUT [--count 100000] [--server S3S-FS | --moto MOTO_SERVER]

IMAGES is a folder. Its files are repeated under other names until there are `--count` (hard links: the disk holds each
once). With `--server`, an `s3s-fs` program serves that folder; with `--moto`, moto's server does, after an upload.
PROGRAM is built with the feature `remote`. OUT gets the outputs, the samples of resident memory, and `figures.json`.
"""

import argparse
import json
import os
import socket
import subprocess
import time
from pathlib import Path

BUCKET = "images"
ENV = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "testtest",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("program", "ensemble", "images", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--prefetch", type=int, default=32)
    parser.add_argument("--by-list", action="store_true", help="name each object in a CSV, instead of their folder")
    parser.add_argument("--no-local", action="store_true", help="leave out the same run over local files")
    server = parser.add_mutually_exclusive_group(required=True)
    server.add_argument("--server", type=Path)
    server.add_argument("--moto", type=Path)
    return parser.parse_args()


def repeat(images, folder, count):
    """Links the images into a folder under `count` names; returns their bytes in all."""
    files = sorted(path for path in images.rglob("*") if path.is_file())
    folder.mkdir(parents=True)
    for number in range(count):
        path = files[number % len(files)]
        os.link(path, folder / f"{path.stem}_{number // len(files):03}{path.suffix}")
    return sum(files[number % len(files)].stat().st_size for number in range(count))


def serve(args, root):
    """Starts the server; returns its process and URL."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        port = it.getsockname()[1]
    if args.server:
        words = [args.server, "--host", "127.0.0.1", "--port", str(port), "--access-key", ENV["AWS_ACCESS_KEY_ID"]]
        words += ["--secret-key", ENV["AWS_SECRET_ACCESS_KEY"], root]
    else:
        words = [args.moto, "-H", "127.0.0.1", "-p", str(port)]
    log = open(args.out / "server.log", "wb")
    process = subprocess.Popen(words, stdout=log, stderr=log)
    while True:
        assert process.poll() is None, f"the server ended: see {args.out}/server.log"
        with socket.socket() as it:
            if it.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"http://127.0.0.1:{port}"
        time.sleep(0.2)


def upload(url, folder):
    """Puts the files into moto's server."""
    import boto3
    from botocore.config import Config

    config = Config(s3={"addressing_style": "path"}, proxies={})
    keys = {"aws_access_key_id": ENV["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": ENV["AWS_SECRET_ACCESS_KEY"]}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config, **keys)
    client.create_bucket(Bucket=BUCKET)
    for path in sorted(folder.iterdir()):
        client.put_object(Bucket=BUCKET, Key=path.name, Body=path.read_bytes())


def resident(pid):
    """Resident memory of a process in MiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("VmRSS:")]
    return int(found[0].split()[1]) / 1024 if found else None


def listed(args, folder):
    """A CSV of the objects' URLs, as arguments: some servers list a folder in the square of its size."""
    table = args.out / "list.csv"
    names = sorted(path.name for path in folder.iterdir())
    table.write_text("path\n" + "".join(f"s3://{BUCKET}/{name}\n" for name in names))
    return ["--list", table, "--path-column", "path"]


def predict(args, name, source, env):
    """Runs the program; returns its figures."""
    out = args.out / f"{name}.csv"
    words = [args.program, "predict", args.ensemble, *source, "--out", out, "--device", "cpu"]
    words += ["--prefetch", str(args.prefetch)]
    log = open(args.out / f"{name}.log", "wb")
    start, samples, begun = time.monotonic(), [], None
    # locked once the images are known
    journal = Path(f"{out}.journal")
    process = subprocess.Popen(words, env=os.environ | env, stderr=log, stdout=log)
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        at = round(time.monotonic() - start, 1)
        samples.append((at, resident(process.pid)))
        begun = at if begun is None and journal.exists() else begun
        time.sleep(1)
    seconds = time.monotonic() - start
    assert os.waitstatus_to_exitcode(status) == 0, f"the run failed: see {args.out}/{name}.log"
    samples = [(at, mib) for at, mib in samples if mib]
    (args.out / f"{name}.memory.csv").write_text("seconds,MiB\n" + "".join(f"{at},{mib:.0f}\n" for at, mib in samples))
    cpu = usage.ru_utime + usage.ru_stime
    return {
        "seconds": round(seconds, 1),
        "seconds_of_listing": begun,
        "images_per_second": round(args.count / seconds, 1),
        "cpu_ms_per_image": round(1000 * cpu / args.count, 2),
        # at a tenth, a quarter, a half and the end of the run
        "resident_mib": [round(samples[int(part * (len(samples) - 1))][1]) for part in (0.1, 0.25, 0.5, 0.75, 1)],
        "peak_mib": round(usage.ru_maxrss / 1024),
    }


def main():
    args = arguments()
    args.out.mkdir(parents=True)
    root = args.out / "root"
    megabytes = repeat(args.images, root / BUCKET, args.count) / 1e6
    figures = {"count": args.count, "megabytes": round(megabytes), "load_before": os.getloadavg()}
    server, url = serve(args, root)
    try:
        if args.moto:
            upload(url, root / BUCKET)
        source = listed(args, root / BUCKET) if args.by_list else [f"s3://{BUCKET}/"]
        figures["s3"] = predict(args, "s3", source, ENV | {"AWS_ENDPOINT_URL": url})
    finally:
        server.terminate()
        server.wait(10)
    if args.no_local:
        finish(args, figures)
        return
    figures["local"] = predict(args, "local", [root / BUCKET], {})
    same = (args.out / "s3.csv").read_bytes() == (args.out / "local.csv").read_bytes()
    assert same, "the two submissions differ"
    for unit in ("seconds", "cpu_ms_per_image"):
        figures[f"io_share_of_{unit}"] = round(1 - figures["local"][unit] / figures["s3"][unit], 3)
    finish(args, figures)


def finish(args, figures):
    """Prints the figures, and writes them."""
    figures["load_after"] = os.getloadavg()
    (args.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
