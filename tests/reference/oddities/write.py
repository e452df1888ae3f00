"""The bytes of a data set and of a file."""

import struct
import zlib
from dataclasses import dataclass

import numpy

import codec
from draw import Image, Lut, chance
from oddities import Plan

Rng = numpy.random.Generator

# Value representations with a length of 32 bits.
LONG = {"OB", "OW", "SQ", "UN", "UT", "OF", "OD", "OL", "UC", "UR"}
NUMBERS = {"US": "H", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)


@dataclass
class Element:
    tag: tuple[int, int]
    vr: str
    # bytes, a text, numbers, or items: lists of elements
    value: object


@dataclass(frozen=True)
class Encoding:
    explicit: bool = True
    big_endian: bool = False

    @property
    def order(self) -> str:
        return ">" if self.big_endian else "<"


class Writer:
    """Writes elements; if there are several valid ways, one is chosen at random."""

    def __init__(self, rng: Rng, plan: Plan):
        self.rng, self.plan = rng, plan

    def elements(self, elements: list[Element], encoding: Encoding) -> bytes:
        return b"".join(self.element(element, encoding) for element in sorted(elements, key=lambda it: it.tag))

    def element(self, element: Element, encoding: Encoding) -> bytes:
        vr, inside = element.vr, encoding
        if encoding.explicit and vr != "OB" and chance(self.rng, self.plan.unknown):
            # UN values are little endian, and implicit inside (PS3.5 6.2.2)
            vr, inside = "UN", Encoding(explicit=False)
        if element.vr == "SQ":
            return self.sequence(element, vr, encoding, inside)
        value = self.value(element, inside)
        value += self.padding(element.vr) if len(value) % 2 else b""
        if element.vr in ("CS", "DS", "LO") and value.endswith(b" ") and chance(self.rng, self.plan.uneven):
            value = value[:-1]
        if encoding.explicit and vr not in LONG and len(value) > 0xFFFF:
            vr = "UN"
        return header(element.tag, vr, len(value), encoding) + value

    def padding(self, vr: str) -> bytes:
        zero = vr in ("OB", "UN") or chance(self.rng, 0.85 if vr == "UI" else 0.1)
        return b"\0" if zero else b" "

    def value(self, element: Element, encoding: Encoding) -> bytes:
        value = element.value
        if isinstance(value, bytes):
            swap = encoding.big_endian and element.vr == "OW"
            return numpy.frombuffer(value, "<u2").byteswap().tobytes() if swap else value
        if isinstance(value, str):
            return value.encode("latin-1")
        if element.vr == "SS":
            # only the first value of a table's descriptor has a sign
            return struct.pack(f"{encoding.order}{len(value)}H", *[number & 0xFFFF for number in value])
        return struct.pack(f"{encoding.order}{len(value)}{NUMBERS[element.vr]}", *value)

    def sequence(self, element: Element, vr: str, encoding: Encoding, inside: Encoding) -> bytes:
        if element.tag[0] % 2 and chance(self.rng, self.plan.mixed):
            # like some manufacturers' private sequences
            inside = Encoding(explicit=not inside.explicit, big_endian=inside.big_endian)
        items = b"".join(self.item(item, inside) for item in element.value)
        if chance(self.rng, 0.5):
            return header(element.tag, vr, len(items), encoding) + items
        return header(element.tag, vr, UNDEFINED, encoding) + items + mark(SEQUENCE_END, 0, inside)

    def item(self, elements: list[Element], encoding: Encoding) -> bytes:
        content = self.elements(elements, encoding)
        if chance(self.rng, 0.5):
            return mark(ITEM, len(content), encoding) + content
        return mark(ITEM, UNDEFINED, encoding) + content + mark(ITEM_END, 0, encoding)


def header(tag: tuple[int, int], vr: str, length: int, encoding: Encoding) -> bytes:
    start = struct.pack(f"{encoding.order}HH", *tag)
    if not encoding.explicit:
        return start + struct.pack(f"{encoding.order}I", length)
    if vr in LONG:
        return start + vr.encode() + b"\0\0" + struct.pack(f"{encoding.order}I", length)
    return start + vr.encode() + struct.pack(f"{encoding.order}H", length)


def mark(tag: tuple[int, int], length: int, encoding: Encoding) -> bytes:
    return struct.pack(f"{encoding.order}HHI", *tag, length)


def lut(rng: Rng, tag: tuple[int, int], table: Lut, signed: bool) -> Element:
    numbers = [len(table.entries) % 65536, table.first, table.bits]
    descriptor = Element((0x28, 0x3002), "SS" if signed else "US", numbers)
    data = table.entries.astype("<u1" if table.bits == 8 and chance(rng, 0.5) else "<u2").tobytes()
    data += bytes(len(data) % 2)
    if len(data) < 65536 and chance(rng, 0.3):
        return Element(tag, "SQ", [[descriptor, Element((0x28, 0x3006), "US", numpy.frombuffer(data, "<u2").tolist())]])
    return Element(tag, "SQ", [[descriptor, Element((0x28, 0x3006), "OW", data)]])


def native(rng: Rng, image: Image, plan: Plan) -> Element:
    """Uncompressed pixel data, with extra bits in their words and extra bytes after them."""
    kind = numpy.dtype("<u1" if image.allocated == 8 else "<u2")
    words = (image.values.astype(numpy.int64) & ((1 << image.stored) - 1)) << plan.shift
    if plan.junk:
        others = ((1 << image.allocated) - 1) & ~(((1 << image.stored) - 1) << plan.shift)
        words |= rng.integers(0, 1 << image.allocated, size=words.shape) & others
    words = numpy.moveaxis(words, 2, 0) if plan.planar else words
    data = words.astype(kind).tobytes()
    # less than another image
    extra = min(plan.extra, len(data) // 2 * 2 - 2)
    data += bytes(len(data) % 2)
    data += bytes(rng.integers(0, 256, size=max(extra, 0), dtype=numpy.uint8))
    return Element((0x7FE0, 0x10), "OB" if image.allocated == 8 and chance(rng, 0.5) else "OW", data)


def encapsulated(rng: Rng, image: Image, plan: Plan) -> bytes:
    """Fragments of a compressed frame, from the element's header on."""
    frame = image.frame + bytes(rng.integers(0, 256, size=plan.tail, dtype=numpy.uint8))
    frame += bytes(len(frame) % 2)
    cuts = sorted(2 * int(rng.integers(0, len(frame) // 2 + 1)) for _ in range(plan.fragments - 1))
    parts = [frame[start:end] for start, end in zip([0, *cuts], [*cuts, len(frame)])]
    offsets = struct.pack("<I", 0) if plan.offset_table else b""
    little = Encoding()
    items = b"".join(mark(ITEM, len(part), little) + part for part in [offsets, *parts])
    end = {"zeros": bytes(int(rng.integers(1, 12))), "none": b""}.get(plan.end, mark(SEQUENCE_END, 0, little))
    return header((0x7FE0, 0x10), "OB", UNDEFINED, little) + items + end


def file(rng: Rng, image: Image, plan: Plan) -> bytes:
    encodings = {codec.IMPLICIT: Encoding(explicit=False), codec.BIG_ENDIAN: Encoding(big_endian=True)}
    encoding = encodings.get(image.syntax.uid, Encoding())
    writer = Writer(rng, plan)
    dataset = writer.elements(plan.elements, encoding)
    if image.frame:
        dataset += encapsulated(rng, image, plan)
    else:
        dataset += writer.element(native(rng, image, plan), encoding)
    if plan.padding_element:
        dataset += header((0xFFFC, 0xFFFC), "OB", 12, encoding) + bytes(12)
    dataset += bytes(plan.zeros)
    if image.syntax.uid == codec.DEFLATED:
        deflate = zlib.compressobj(wbits=-15)
        dataset = deflate.compress(dataset) + deflate.flush()
        dataset += bytes(len(dataset) % 2)
    return start(rng, image, plan) + dataset


def start(rng: Rng, image: Image, plan: Plan) -> bytes:
    """Preamble and file meta."""
    if plan.preamble == "bare":
        return b""
    little = Encoding()
    elements = [Element((2, 1), "OB", b"\0\1")] if chance(rng, 0.9) else []
    elements += [Element((2, number), vr, value) for number, vr, value in plan.meta]
    if plan.names_syntax:
        elements.append(Element((2, 0x10), "UI", image.syntax.uid))
    content = Writer(rng, Plan()).elements(elements, Encoding(explicit=not plan.implicit_meta))
    lengths = {"right": len(content), "zero": 0, "large": len(content) + 1000, "small": max(len(content) - 8, 0)}
    if plan.group_length in lengths:
        content = header((2, 0), "UL", 4, little) + struct.pack("<I", lengths[plan.group_length]) + content
    begin = {"none": b"", "unmarked": bytes(128), "text": b"II*\0".ljust(128, b"x") + b"DICM"}
    return begin.get(plan.preamble, bytes(128) + b"DICM") + content
