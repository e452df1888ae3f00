"""Additions to a data set and its file that do not change the picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy

import codec
from draw import Image, chance

Rng = numpy.random.Generator


@dataclass
class Plan:
    """The options of writing a file."""

    # the data set without its pixels
    elements: list = field(default_factory=list)
    # how often an element has the value representation UN
    unknown: float = 0.0
    # how often a private sequence has items of the other encoding
    mixed: float = 0.0
    # how often a text of odd length stays so
    uneven: float = 0.0
    preamble: str = "right"
    # (element, value representation, value) of group 2
    meta: list[tuple[int, str, object]] = field(default_factory=list)
    names_syntax: bool = True
    implicit_meta: bool = False
    group_length: str = "right"
    # by how much the high bit exceeds that of the stored bits
    shift: int = 0
    # whether words hold more than the stored bits
    junk: bool = False
    planar: bool = False
    # bytes after the pixels
    extra: int = 0
    # bytes after the end of a compressed frame
    tail: int = 0
    fragments: int = 1
    offset_table: bool = False
    # of the fragments
    end: str = "right"
    # zeros after the data set, and the element for such padding
    zeros: int = 0
    padding_element: bool = False
    # of the file's name
    ending: str = ".dcm"

    def describe(self) -> str:
        said = {name: value for name, value in vars(self).items() if name not in ("elements", "meta")}
        default = vars(Plan())
        said = [f"{name} {value}" for name, value in said.items() if value != default[name]]
        return ", ".join([*said, *[f"meta {number:#x} {value!r}" for number, _, value in self.meta if number > 2]])


def plan(rng: Rng, image: Image) -> Plan:
    # imported late: the writer needs a plan, too
    import elements

    made = Plan()
    made.unknown = 0.25 if chance(rng, 0.25) else 0.0
    made.mixed = 0.5 if chance(rng, 0.15) else 0.0
    made.uneven = 0.3 if chance(rng, 0.1) else 0.0
    file_meta(rng, image, made)
    pixels(rng, image, made)
    made.elements = elements.elements(rng, image, made)
    made.zeros = int(rng.choice([8, 9, 126, 1000])) if chance(rng, 0.1) else 0
    made.padding_element = chance(rng, 0.08) and made.end == "right"
    made.ending = [".dcm", ".dcm", ".DCM", "", ".IMA", ".img", ".dc3", ".12"][rng.integers(8)]
    return made


def file_meta(rng: Rng, image: Image, made: Plan) -> None:
    bare = image.syntax.uid in (codec.IMPLICIT, codec.EXPLICIT, codec.BIG_ENDIAN)
    kinds = ["none", "unmarked", "text"] + (["bare"] if bare else [])
    if chance(rng, 0.25):
        made.preamble = str(rng.choice(kinds))
    if chance(rng, 0.3):
        made.group_length = str(rng.choice(["zero", "large", "small", "missing"]))
    # a bare data set has no file meta, and one without a transfer syntax is recognized by its first bytes
    made.names_syntax = not (bare and made.preamble != "bare" and chance(rng, 0.08))
    made.implicit_meta = made.preamble in ("right", "text") and chance(rng, 0.05)
    made.meta.append((2, "UI", "1.2.840.10008.5.1.4.1.1.7"))
    if chance(rng, 0.6):
        made.meta.append((3, "UI", str(rng.choice([image.uid, "ID_0a1b2c", "1.2..3", ""]))))
    if chance(rng, 0.4):
        made.meta.append((0x12, "UI", str(rng.choice(["1.2.3", "not a UID", "1.2.840." + "1" * 70]))))
    if chance(rng, 0.3):
        made.meta.append((0x16, "AE", str(rng.choice(["STATION", "A STATION OF MANY LETTERS", ""]))))


def pixels(rng: Rng, image: Image, made: Plan) -> None:
    if image.frame:
        made.fragments = int(rng.choice([1, 1, 1, 2, 3, 5]))
        made.offset_table = chance(rng, 0.4)
        made.tail = int(rng.integers(1, 40)) if chance(rng, 0.08) else 0
        if chance(rng, 0.1):
            made.end = str(rng.choice(["zeros", "none"]))
        return
    spare = image.allocated - image.stored
    if spare and chance(rng, 0.2) and not image.colors:
        made.shift = int(rng.integers(1, spare + 1))
    made.junk = spare > 0 and chance(rng, 0.25)
    made.planar = image.colors and chance(rng, 0.4)
    made.extra = int(rng.choice([2, 16, 128, 4000])) if chance(rng, 0.12) else 0
