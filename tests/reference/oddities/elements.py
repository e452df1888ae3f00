"""The elements of a data set: those of an image, and others."""

import numpy

import write
from draw import Image, chance, modality_range
from oddities import Plan
from write import Element

Rng = numpy.random.Generator


def elements(rng: Rng, image: Image, plan: Plan) -> list[Element]:
    return [*needed(rng, image, plan), *shown(rng, image), *others(rng, image), *private(rng)]


def needed(rng: Rng, image: Image, plan: Plan) -> list[Element]:
    us = lambda number, value: Element((0x28, number), "US", [value])
    photometric = image.photometric
    if chance(rng, 0.12):
        photometric = [photometric.lower(), photometric.title(), f" {photometric} "][rng.integers(3)]
    found = [
        Element((8, 0x16), "UI", "1.2.840.10008.5.1.4.1.1.7"),
        Element((8, 0x18), "UI", image.uid),
        us(0x02, 3 if image.colors else 1),
        Element((0x28, 0x04), "CS", photometric),
        us(0x10, image.values.shape[0]),
        us(0x11, image.values.shape[1]),
        us(0x100, image.allocated),
        us(0x101, image.stored),
        us(0x102, image.stored - 1 + plan.shift),
        us(0x103, int(image.signed)),
    ]
    if image.colors:
        found.append(us(0x06, int(plan.planar)))
    for number, table in enumerate(image.palette or []):
        found.append(Element((0x28, 0x1101 + number), "US", [len(table.entries) % 65536, 0, table.bits]))
        kind = "<u1" if table.bits == 8 else "<u2"
        data = table.entries.astype(kind).tobytes()
        found.append(Element((0x28, 0x1201 + number), "OW", data + bytes(len(data) % 2)))
    if chance(rng, 0.3):
        found.append(Element((0x28, 0x08), "IS", str(rng.choice(["1", " 1", "1 ", "01"]))))
    return found


def shown(rng: Rng, image: Image) -> list[Element]:
    """Rescale, tables and windows, or their absence in various forms."""
    found = []
    if image.rescale:
        slope, intercept = image.rescale
        found += [Element((0x28, 0x1052), "DS", intercept), Element((0x28, 0x1053), "DS", padded(rng, slope))]
    if image.modality_lut:
        found.append(write.lut(rng, (0x28, 0x3000), image.modality_lut, image.signed))
    elif chance(rng, 0.06):
        found.append(Element((0x28, 0x3000), "SQ", [[]] if chance(rng, 0.5) else []))
    if image.windows:
        centers, widths = image.windows
        found += [Element((0x28, 0x1050), "DS", "\\".join(centers)), Element((0x28, 0x1051), "DS", padded(rng, "\\".join(widths)))]
    elif chance(rng, 0.06):
        found += [Element((0x28, 0x1050), "DS", ""), Element((0x28, 0x1051), "DS", "")]
    if image.function:
        found.append(Element((0x28, 0x1056), "CS", image.function))
    if image.voi_lut:
        found.append(write.lut(rng, (0x28, 0x3010), image.voi_lut, modality_range(image)[0] < 0))
    elif chance(rng, 0.08):
        found.append(Element((0x28, 0x3010), "SQ", [[]] if chance(rng, 0.5) else []))
    return found


def padded(rng: Rng, text: str) -> str:
    return [text, text, f" {text}", f"{text}  "][rng.integers(4)]


def others(rng: Rng, image: Image) -> list[Element]:
    """Standard elements that do not affect the picture."""
    reference = [Element((8, 0x1150), "UI", "1.2.840.10008.3.1.2.3.3"), Element((8, 0x1155), "UI", "1.2.3.9")]
    icon = [
        Element((0x28, 0x02), "US", [1]),
        Element((0x28, 0x04), "CS", "PALETTE COLOR"),
        Element((0x28, 0x10), "US", [2]),
        Element((0x28, 0x11), "US", [2]),
        Element((0x28, 0x100), "US", [8]),
        Element((0x28, 0x101), "US", [8]),
        Element((0x28, 0x102), "US", [7]),
        Element((0x28, 0x103), "US", [0]),
        Element((0x7FE0, 0x10), "OW", b"\1\2\3\4"),
    ]
    overlay = [
        Element((0x6000, 0x10), "US", [8]),
        Element((0x6000, 0x11), "US", [8]),
        Element((0x6000, 0x40), "CS", "G"),
        Element((0x6000, 0x50), "SS", [1, 1]),
        Element((0x6000, 0x100), "US", [1]),
        Element((0x6000, 0x102), "US", [0]),
        Element((0x6000, 0x3000), "OW", b"\x55\xaa\x55\xaa\x55\xaa\x55\xaa"),
    ]
    padding = [Element((0x28, 0x120), "SS" if image.signed else "US", [0])]
    patient = [Element((0x10, 0x10), "PN", "D\xf6e^J\xe4ne"), Element((8, 5), "CS", "ISO_IR 100")]
    choices = [
        [Element((8, 0), "UL", [int(rng.integers(0, 500))])],
        [Element((0x28, 0), "UL", [int(rng.integers(0, 500))])],
        [Element((8, 0x60), "CS", "DX")],
        [Element((8, 0x1110), "SQ", [reference, reference])],
        [Element((8, 0x1111), "SQ", [])],
        [Element((8, 0x2218), "SQ", [[Element((8, 0x100), "SH", "T-D3000"), Element((8, 0x104), "LO", "Chest")]])],
        [Element((0x88, 0x200), "SQ", [icon])],
        [Element((0x28, 0x30), "DS", "0.2\\0.2")],
        overlay,
        padding,
        patient,
    ]
    return [element for choice in choices if chance(rng, 0.25) for element in choice]


def private(rng: Rng) -> list[Element]:
    """Private elements: nested sequences, bytes that look like items, and false windows."""
    deep = [Element((0x9, 0x10), "LO", "MAKER"), Element((0x9, 0x1001), "LO", "deep")]
    for _ in range(int(rng.integers(0, 4))):
        deep = [Element((0x9, 0x10), "LO", "MAKER"), Element((0x9, 0x1002), "SQ", [deep, deep])]
    item = b"\xfe\xff\x00\xe0\x10\0\0\0" + b"\x28\0\x10\0US\x02\0\x07\0"
    decoy = [Element((0x28, 0x1050), "DS", "1"), Element((0x28, 0x1051), "DS", "2"), Element((0x28, 0x1053), "DS", "9")]
    choices = [
        [Element((0x9, 0x10), "LO", "MAKER"), Element((0x9, 0x1001), "OB", item)],
        [Element((0x9, 0x10), "LO", "MAKER"), Element((0x9, 0x1003), "SQ", [deep])],
        [Element((0x19, 0x10), "LO", "OTHER"), Element((0x19, 0x1001), "SQ", [decoy])],
        [Element((0x19, 0x10), "LO", "OTHER"), Element((0x19, 0x1002), "FD", [1.5])],
        [Element((0x7FDF, 0x10), "LO", "LAST"), Element((0x7FDF, 0x1001), "OB", bytes(range(200)))],
    ]
    chosen = {}
    for choice in choices:
        if chance(rng, 0.2):
            chosen |= {element.tag: element for element in choice}
    return list(chosen.values())
