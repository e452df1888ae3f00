"""Other processes, Ctrl-C, the command, plugins in a process of their own, and memory."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pleura
from conftest import program


def found_in_child(ensemble, image):
    return ensemble.predict(image).rle


def test_an_ensemble_works_in_a_spawned_process(ensemble, images):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(found_in_child, (ensemble, images[0])) == ensemble.predict(images[0]).rle


def test_a_forked_child_is_told_to_spawn_and_may_open_its_own(ensemble, manifest, images):
    expected = ensemble.predict(images[0]).rle
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(100)  # a child that hangs ends
        try:
            ensemble.predict(images[0])
        except pleura.ForkError as error:
            os.write(writer, b"told, " if "spawn" in str(error) else b"what? ")
        own = pleura.Ensemble(manifest, device="cpu", threads=2)
        os.write(writer, b"equal" if own.predict(images[0]).rle == expected else b"other")
        os._exit(0)
    os.close(writer)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reader, 100) == b"told, equal"
    assert ensemble.predict(images[0]).rle == expected


def test_ctrl_c_stops_a_run(manifest, images):
    code = (
        "import pleura\n"
        f"ensemble = pleura.Ensemble({str(manifest)!r}, device='cpu', threads=1)\n"
        "print('open', flush=True)\n"
        f"for _ in ensemble.predict_files([{str(images[0])!r}] * 100000): print('.', flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "open\n" and child.stdout.readline() == ".\n"
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in said and time.monotonic() - started < 30


def test_the_command_is_the_program():
    done = subprocess.run([*program(), "--version"], capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == f"pleura {pleura.__version__}", done
    wrong = subprocess.run([*program(), "predict"], capture_output=True, text=True)
    assert wrong.returncode == 2
    script = Path(sys.executable).with_name("pleura")
    if script.exists():
        assert subprocess.run([script, "--version"], capture_output=True, text=True).stdout == done.stdout


def test_a_plugin_runs_in_a_process_of_its_own(manifest, images, ensemble):
    isolated = manifest.parent / "isolated.toml"
    text = manifest.read_text()
    at = text.rindex("[[postprocess]]")
    isolated.write_text(text[:at] + text[at:].replace("[[postprocess]]", '[[postprocess]]\nisolation = "process"', 1))
    found = pleura.Ensemble(isolated, device="cpu").predict(images[0])
    assert found.rle == ensemble.predict(images[0]).rle


def test_the_header_for_plugins_is_there():
    assert "pleura_plugin" in (Path(pleura.include()) / "pleura_plugin.h").read_text()


@pytest.mark.slow
def test_openings_do_not_leak(manifest):
    def memory():
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    for _ in range(20):
        pleura.Ensemble(manifest, device="cpu", threads=1)
    before = memory()
    for _ in range(1000):
        pleura.Ensemble(manifest, device="cpu", threads=1)
    assert memory() - before < 30 << 20, memory() - before
