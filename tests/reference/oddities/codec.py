"""Pixel data in each transfer syntax."""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

import imagecodecs
import jpeg_ls
import numpy
import rle.utils

if TYPE_CHECKING:
    from draw import Image

Rng = numpy.random.Generator


@dataclass(frozen=True)
class Syntax:
    name: str
    uid: str
    # None if uncompressed
    encode: Callable[[Rng, "Image"], bytes] | None
    # (bits allocated, bits stored, signed)
    bits: Callable[[Rng], tuple[int, int, bool]]
    lossy: bool = False
    colors: bool = False
    # the fewest rows and columns
    smallest: int = 0


def any_bits(rng: Rng) -> tuple[int, int, bool]:
    allocated = 16 if rng.random() < 0.75 else 8
    stored = int(rng.choice([10, 12, 12, 14, 15, 16])) if allocated == 16 else int(rng.choice([6, 7, 8, 8, 8]))
    if rng.random() < 0.1:
        stored = int(rng.integers(2, allocated + 1))
    return allocated, stored, bool(rng.random() < 0.35)


def eight_bits(_: Rng) -> tuple[int, int, bool]:
    return 8, 8, False


def twelve_bits(_: Rng) -> tuple[int, int, bool]:
    return 16, 12, False


def unsigned(rng: Rng) -> tuple[int, int, bool]:
    allocated, stored, _ = any_bits(rng)
    return allocated, max(stored, 6), False


def deep(rng: Rng) -> tuple[int, int, bool]:
    """Bits for which losses are small: 10 or more of 16 allocated."""
    allocated, stored, signed = any_bits(rng)
    return allocated, max(stored, 10 if allocated == 16 else 6), signed


def words(image: "Image", bits: int) -> numpy.ndarray:
    """The values with this number of bits, two's complement if signed, in 8 or 16 bits each."""
    masked = image.values.astype(numpy.int64) & ((1 << bits) - 1)
    return numpy.ascontiguousarray(masked.astype(numpy.uint8 if image.allocated == 8 else numpy.uint16))


def signed_words(image: "Image") -> numpy.ndarray:
    kinds = {(8, False): "u1", (8, True): "i1", (16, False): "u2", (16, True): "i2"}
    return numpy.ascontiguousarray(image.values.astype(kinds[image.allocated, image.signed]))


def width(rng: Rng, image: "Image") -> int:
    """The bits that a stream has: those stored, or all that are allocated."""
    if image.stored < image.allocated and rng.random() < 0.3:
        image.notes.append(f"a stream of {image.allocated} bits")
        return image.allocated
    return image.stored


def run_lengths(rng: Rng, image: "Image") -> bytes:
    pixels = words(image, image.allocated if rng.random() < 0.5 else image.stored)
    rows, columns, samples = (*pixels.shape, 1)[:3]
    source = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    options = dict(rows=rows, columns=columns, samples_per_pixel=samples, bits_allocated=image.allocated)
    return bytes(rle.utils.encode_pixel_data(source, byteorder="<", **options))


def baseline(rng: Rng, image: "Image") -> bytes:
    return imagecodecs.jpeg8_encode(words(image, 8), level=int(rng.integers(60, 99)), optimize=bool(rng.random() < 0.3))


def extended(rng: Rng, image: "Image") -> bytes:
    options = dict(level=int(rng.integers(60, 99)), bitspersample=12)
    return imagecodecs.jpeg8_encode(words(image, 12), optimize=bool(rng.random() < 0.5) or None, **options)


def lossless(rng: Rng, image: "Image") -> bytes:
    return _lossless(rng, image, int(rng.integers(1, 8)))


def lossless_first_order(rng: Rng, image: "Image") -> bytes:
    return _lossless(rng, image, 1)


def _lossless(rng: Rng, image: "Image", predictor: int) -> bytes:
    bits = width(rng, image)

    def stream(pixels: numpy.ndarray) -> bytes:
        pixels = pixels.astype(numpy.uint8 if bits <= 8 else numpy.uint16)
        return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)

    return overlaid(rng, image, bits, words(image, bits), stream)


def overlaid(
    rng: Rng, image: "Image", bits: int, pixels: numpy.ndarray, stream: Callable[[numpy.ndarray], bytes]
) -> bytes:
    """A stream of all allocated bits, sometimes with an overlay above the stored ones."""
    if bits == image.stored or rng.random() > 0.4:
        return stream(pixels)
    image.notes.append("an overlay in the high bits")
    image.sound = stream(pixels)
    overlay = rng.integers(0, 1 << (bits - image.stored), size=pixels.shape)
    stored = pixels.astype(numpy.int64) & ((1 << image.stored) - 1)
    return stream((stored | overlay << image.stored).astype(numpy.uint8 if image.allocated == 8 else numpy.uint16))


def ls_lossless(rng: Rng, image: "Image") -> bytes:
    return _ls(rng, image, 0)


def ls_near(rng: Rng, image: "Image") -> bytes:
    return _ls(rng, image, int(rng.integers(1, 4)))


def _ls(rng: Rng, image: "Image", near: int) -> bytes:
    bits = width(rng, image)
    pixels = words(image, bits)
    rows, columns = pixels.shape
    try:
        frame = bytes(jpeg_ls.encode_buffer(pixels.tobytes(), rows, columns, 1, bits, lossy_error=near))
    except RuntimeError:  # its buffer is too small for noise
        frame = imagecodecs.jpegls_encode(pixels, level=near)
        image.notes.append("a stream of all bits")
    # an encoder's fault found in practice (CharLS, issue 437)
    if rng.random() < 0.15 and frame.endswith(b"\xff\xd9"):
        image.notes.append("a zero before EOI")
        image.sound = frame
        frame = frame[:-2] + b"\0\xff\xd9"
    return frame


def j2k_lossless(rng: Rng, image: "Image") -> bytes:
    bits, pixels = width(rng, image), signed_words(image)
    if image.signed and rng.random() < 0.3:
        image.notes.append("an unsigned stream")
        pixels = words(image, bits)

    def stream(pixels: numpy.ndarray) -> bytes:
        return imagecodecs.jpeg2k_encode(pixels, reversible=True, codecformat="j2k", bitspersample=bits)

    return boxed(rng, image, overlaid(rng, image, bits, pixels, stream))


def j2k_lossy(rng: Rng, image: "Image") -> bytes:
    bits = width(rng, image)
    # peak signal-to-noise ratio in dB, over all bits of the stream
    level = int(rng.integers(30, 70)) + 6 * (bits - image.stored)
    frame = imagecodecs.jpeg2k_encode(
        signed_words(image), level=level, reversible=False, codecformat="j2k", bitspersample=bits
    )
    return boxed(rng, image, frame)


def htj2k_lossless(rng: Rng, image: "Image") -> bytes:
    return boxed(rng, image, imagecodecs.htj2k_encode(signed_words(image), reversible=True))


def htj2k_lossy(rng: Rng, image: "Image") -> bytes:
    # of the range of all bits
    step = float(rng.choice([0.0005, 0.002, 0.01])) / (1 << (image.allocated - image.stored))
    return boxed(rng, image, imagecodecs.htj2k_encode(signed_words(image), level=step, reversible=False))


def boxed(rng: Rng, image: "Image", frame: bytes) -> bytes:
    """The codestream, sometimes in the boxes of a JP2 file."""
    if rng.random() > 0.1:
        return frame
    image.notes.append("in JP2 boxes")
    image.sound = image.sound or frame
    rows, columns = image.values.shape
    depth = (image.stored - 1) | (0x80 if image.signed else 0)
    header = _box(b"ihdr", struct.pack(">IIHBBBB", rows, columns, 1, depth, 7, 0, 0))
    header += _box(b"colr", struct.pack(">BBBI", 1, 0, 0, 17))
    start = _box(b"jP  ", b"\r\n\x87\n") + _box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + _box(b"jp2h", header)
    length = struct.pack(">I", 0) if rng.random() < 0.3 else struct.pack(">I", len(frame) + 8)
    return start + length + b"jp2c" + frame


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def encode(rng: Rng, image: "Image") -> None:
    if image.syntax.encode:
        image.frame = image.syntax.encode(rng, image)
        image.sound = image.sound or image.frame


IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

SYNTAXES = [
    Syntax("implicit", IMPLICIT, None, any_bits, colors=True),
    Syntax("explicit", EXPLICIT, None, any_bits, colors=True),
    Syntax("deflated", DEFLATED, None, any_bits, colors=True),
    Syntax("big endian", BIG_ENDIAN, None, any_bits, colors=True),
    Syntax("RLE", "1.2.840.10008.1.2.5", run_lengths, any_bits, colors=True),
    Syntax("JPEG baseline", "1.2.840.10008.1.2.4.50", baseline, eight_bits, lossy=True),
    Syntax("JPEG extended", "1.2.840.10008.1.2.4.51", extended, twelve_bits, lossy=True),
    Syntax("JPEG extended, 8 bits", "1.2.840.10008.1.2.4.51", baseline, eight_bits, lossy=True),
    Syntax("JPEG lossless", "1.2.840.10008.1.2.4.57", lossless, any_bits),
    Syntax("JPEG lossless SV1", "1.2.840.10008.1.2.4.70", lossless_first_order, any_bits),
    Syntax("JPEG-LS", "1.2.840.10008.1.2.4.80", ls_lossless, any_bits),
    Syntax("JPEG-LS near", "1.2.840.10008.1.2.4.81", ls_near, unsigned, lossy=True),
    Syntax("JPEG 2000 lossless", "1.2.840.10008.1.2.4.90", j2k_lossless, any_bits),
    Syntax("JPEG 2000", "1.2.840.10008.1.2.4.91", j2k_lossy, deep, lossy=True, smallest=8),
    Syntax("HTJ2K lossless", "1.2.840.10008.1.2.4.201", htj2k_lossless, any_bits),
    Syntax("HTJ2K RPCL", "1.2.840.10008.1.2.4.202", htj2k_lossless, any_bits),
    Syntax("HTJ2K", "1.2.840.10008.1.2.4.203", htj2k_lossy, deep, lossy=True, smallest=8),
]
