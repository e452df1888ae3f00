"""Checks the list of the program's components: CycloneDX's schema, and every crate that cargo builds the program from.

    python engine/dist/check/components.py FILE
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

# The C and C++ in the program.
FOREIGN = {"charls-sys", "turbojpeg-sys"}


def crates() -> set[tuple[str, str]]:
    """Names and versions of the crates of the program, as cargo resolves them."""
    command = ["cargo", "tree", "--locked", "--package", "pleura-cli", "--target", "x86_64-unknown-linux-gnu"]
    done = subprocess.run(
        [*command, "--edges", "normal", "--prefix", "none", "--format", "{p}"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = re.findall(r"^(\S+) v(\S+)", done.stdout, re.MULTILINE)
    return {(name, version) for name, version in found}


def main(path: str) -> int:
    text = Path(path).read_text()
    if error := JsonStrictValidator(SchemaVersion.V1_5).validate_str(text):
        print(f"{path}: expected CycloneDX 1.5, found {error}", file=sys.stderr)
        return 1
    listed = json.loads(text)
    program = listed["metadata"]["component"]
    found = {(part["name"], part["version"]) for part in [program, *listed["components"]]}
    # the program's own crate is listed by the program's name
    expected = {("pleura", version) if name == "pleura-cli" else (name, version) for name, version in crates()}
    missing = {f"{name} {version}" for name, version in expected - found}
    missing |= FOREIGN - {name for name, _ in found}
    for name in sorted(missing):
        print(f"{path}: expected component {name}, found none", file=sys.stderr)
    print(f"{path}: CycloneDX 1.5, {len(found)} components, {len(expected)} of them linked into the program")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
