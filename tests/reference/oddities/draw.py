"""The image: its bits, its values, and how they are displayed."""

from dataclasses import dataclass, field

import numpy

import codec


@dataclass
class Lut:
    """A lookup table: entries with this number of bits, for values from `first` on."""

    first: int
    bits: int
    entries: numpy.ndarray


@dataclass
class Image:
    """An image of one sample per pixel, or of three."""

    uid: str
    syntax: codec.Syntax
    allocated: int
    stored: int
    signed: bool
    photometric: str
    # (rows, columns), or (rows, columns, 3)
    values: numpy.ndarray
    # (slope, intercept), as texts
    rescale: tuple[str, str] | None = None
    modality_lut: Lut | None = None
    # centers, widths, as texts
    windows: tuple[list[str], list[str]] | None = None
    function: str | None = None
    voi_lut: Lut | None = None
    # red, green and blue
    palette: list[Lut] | None = None
    # the compressed frame; None if uncompressed
    frame: bytes | None = None
    # the same as defined by the standard
    sound: bytes | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def colors(self) -> bool:
        return self.values.ndim == 3

    def stored_range(self) -> tuple[int, int]:
        if self.signed:
            return -(1 << (self.stored - 1)), (1 << (self.stored - 1)) - 1
        return 0, (1 << self.stored) - 1

    def describe(self) -> str:
        sign = "signed" if self.signed else "unsigned"
        parts = [self.syntax.name, f"{self.stored} bits of {self.allocated}, {sign}", self.photometric]
        parts += [f"rescale {'/'.join(self.rescale)}"] if self.rescale else []
        parts += [f"modality LUT of {len(self.modality_lut.entries)}"] if self.modality_lut else []
        parts += [f"window {self.windows[0][0]}/{self.windows[1][0]} {self.function or ''}"] if self.windows else []
        parts += [f"a palette of {len(self.palette[0].entries)}"] if self.palette else []
        parts += [f"VOI LUT of {len(self.voi_lut.entries)}"] if self.voi_lut else []
        return ", ".join(parts + self.notes)


def chance(rng: numpy.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def image(rng: numpy.random.Generator, uid: str) -> Image:
    syntax = codec.SYNTAXES[rng.integers(len(codec.SYNTAXES))]
    allocated, stored, signed = syntax.bits(rng)
    size = (int(rng.integers(1, 48)), int(rng.integers(1, 48)))
    if syntax.smallest:
        size = tuple(max(side, syntax.smallest) for side in size)
    drawn = Image(uid, syntax, allocated, stored, signed, "MONOCHROME2", numpy.zeros(size))
    if syntax.colors and chance(rng, 0.06):
        drawn.signed, drawn.photometric = False, "PALETTE COLOR"
        drawn.values = values(rng, size, drawn)
        count, bits = min(1 << drawn.stored, int(rng.integers(2, 700))), int(rng.choice([8, 16]))
        tables = [rng.integers(0, 1 << bits, size=count) for _ in range(3)]
        drawn.palette = [Lut(0, bits, table.astype(numpy.int64)) for table in tables]
    elif syntax.colors and chance(rng, 0.08):
        drawn.allocated, drawn.stored, drawn.signed = 8, 8, False
        drawn.photometric = ["RGB", "RGB", "YBR_FULL"][rng.integers(3)]
        drawn.values = numpy.stack([values(rng, size, drawn) for _ in range(3)], axis=2)
    else:
        drawn.photometric = "MONOCHROME1" if chance(rng, 0.35) else "MONOCHROME2"
        drawn.values = values(rng, size, drawn)
        modality(rng, drawn)
        voi(rng, drawn)
    codec.encode(rng, drawn)
    return drawn


def values(rng: numpy.random.Generator, size: tuple[int, int], drawn: Image) -> numpy.ndarray:
    """A slope with waves and noise on it, that fills a part of the stored range, or all of it."""
    low, high = drawn.stored_range()
    down, across = numpy.mgrid[0 : size[0], 0 : size[1]]
    slope = rng.normal() * down / size[0] + rng.normal() * across / size[1]
    slope = slope + 0.3 * numpy.sin(down / 5 + rng.random() * 6) + 0.02 * rng.normal(size=size)
    slope = (slope - slope.min()) / max(float(numpy.ptp(slope)), 1e-9)
    ends = sorted(rng.random(2)) if chance(rng, 0.5) else (0.0, 1.0)
    shades = numpy.rint(low + (high - low) * (ends[0] + (ends[1] - ends[0]) * slope))
    if chance(rng, 0.1) and not drawn.syntax.lossy:
        shades = rng.integers(low, high + 1, size=size)
    return shades.astype(numpy.int32)


def modality(rng: numpy.random.Generator, drawn: Image) -> None:
    kind = rng.random()
    if kind < 0.45:
        slope = [1, 1, 2, 0.5, -1, 1.25, 0.0078125, 3.7][rng.integers(8)]
        intercept = [0, -1024, 100, -0.5, 17.25][rng.integers(5)]
        drawn.rescale = (number(rng, slope), number(rng, intercept))
    elif kind < 0.6:
        low, high = drawn.stored_range()
        # first values have 16 bits
        first = int(rng.integers(max(low, -32768), min(high, 32767 if drawn.signed else 65535) + 1))
        drawn.modality_lut = lut(rng, first if chance(rng, 0.5) else low)


def lut(rng: numpy.random.Generator, first: int) -> Lut:
    # pydicom reads tables of 8 bits and of 10 to 16
    bits = int(rng.choice([8, 10, 12, 14, 16]))
    count = 65536 if chance(rng, 0.02) else int(rng.integers(2, 3000))
    rising = numpy.sort(rng.integers(0, 1 << bits, size=count))
    return Lut(first, bits, (rising if chance(rng, 0.8) else rising[::-1]).astype(numpy.int64))


def modality_range(drawn: Image) -> tuple[float, float]:
    """The lowest and the highest value after the modality transform."""
    if drawn.modality_lut:
        return 0.0, float((1 << drawn.modality_lut.bits) - 1)
    slope, intercept = (float(text) for text in drawn.rescale or ("1", "0"))
    ends = [end * slope + intercept for end in drawn.stored_range()]
    return min(ends), max(ends)


def voi(rng: numpy.random.Generator, drawn: Image) -> None:
    low, high = modality_range(drawn)
    kind = rng.random()
    whole = drawn.rescale is None or all(float(text).is_integer() for text in drawn.rescale)
    # a table is for whole numbers; the rounding of others is undefined
    if kind < 0.2 and whole:
        first = int(rng.integers(max(int(low), -32768), min(int(high), 32767 if low < 0 else 65535) + 1))
        drawn.voi_lut = lut(rng, first)
    if 0.15 < kind < 0.8:
        count = int(rng.choice([1, 1, 1, 2, 3]))
        centers = [number(rng, low + (high - low) * rng.random()) for _ in range(count)]
        widths = [number(rng, 1 + (high - low) * rng.random() ** 2) for _ in range(count)]
        drawn.windows = (centers, widths)
        function = [None, None, "LINEAR", "LINEAR_EXACT", "SIGMOID", "linear_exact", "Sigmoid "][rng.integers(7)]
        drawn.function = function


def number(rng: numpy.random.Generator, value: float) -> str:
    """A decimal string of at most 16 characters, in one of the ways in which they are written."""
    if float(value).is_integer() and chance(rng, 0.6):
        return [f"{value:.0f}", f"{value:.1f}", f"{value:+.0f}", f"{value:.6f}"][rng.integers(4)][:16]
    return [f"{value:.3f}", f"{value:.6g}", f"{value:.4E}", f"{value:.7e}"][rng.integers(4)][:16]
