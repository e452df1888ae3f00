"""pydicom's answers for clean data sets: pixels, modality values, windows.

If compression is lossless, the pixels are known beforehand, and pydicom's must be the same: `WRONG` lists the
exceptions, with the reason. For these, and for uncompressed images, the known pixels are the answer.
"""

import warnings

import numpy
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from draw import Image, Lut, modality_range

warnings.simplefilter("ignore")

# The largest rounding difference between decoders' inverse transforms, in stored values.
LOSSES = 1


def pictures(image: Image) -> list[numpy.ndarray]:
    """The lowest and the highest correct intensities, for `stored` and for `window`."""
    pixels = decoded(image) if image.frame else image.values
    if image.colors or image.palette:
        return [luma(image, pixels)] * 4
    steps = [-LOSSES, 0, LOSSES] if image.syntax.lossy and not image.syntax.name.startswith("JPEG-LS") else [0]
    low, high = image.stored_range()
    dataset = clean(image)
    modality = [apply_modality_lut(numpy.clip(pixels + step, low, high), dataset) for step in steps]
    answers = []
    for shown in (stored, window):
        near = [shown(image, dataset, value) for values in modality for value in rounded(values)]
        inverted = [1 - answer if image.photometric == "MONOCHROME1" else answer for answer in near]
        answers += [numpy.min(inverted, axis=0), numpy.max(inverted, axis=0)]
    return answers


def rounded(values: numpy.ndarray) -> list[numpy.ndarray]:
    """The bounds of values in single precision, in which modality values and their range are stored."""
    if values.dtype.kind in "iu" or (values == numpy.rint(values)).all():
        return [values]
    step = 2 * float(numpy.spacing(numpy.float32(numpy.abs(values).max())))
    return [values - step, values, values + step]


def luma(image: Image, pixels: numpy.ndarray) -> numpy.ndarray:
    """Luma by ITU-R BT.601, which Y is in YBR_FULL."""
    if image.photometric == "YBR_FULL":
        return pixels[..., 0] / 255
    white = 255
    if image.palette:
        white = (1 << image.palette[0].bits) - 1
        # pydicom's `apply_color_lut` wraps indices as its `apply_voi` does, see `looked_up`
        pixels = numpy.stack([entries(table, pixels) for table in image.palette], axis=2)
    return (pixels @ numpy.array([0.299, 0.587, 0.114])) / white


def entries(lut: Lut, values: numpy.ndarray) -> numpy.ndarray:
    """A table's entries; values outside take the first or the last one (PS3.3 C.11.2.1.1, C.7.6.3.1.5)."""
    return lut.entries[numpy.clip(values - lut.first, 0, len(lut.entries) - 1)]


def stored(image: Image, dataset: pydicom.Dataset, values: numpy.ndarray) -> numpy.ndarray:
    low, high = modality_range(image)
    return numpy.clip((values.astype(numpy.float64) - low) / (high - low), 0, 1)


def window(image: Image, dataset: pydicom.Dataset, values: numpy.ndarray) -> numpy.ndarray:
    """pydicom's display; an image without a window as stored. A table takes precedence over a window (PS3.3 C.11.2)."""
    if image.voi_lut:
        return looked_up(image.voi_lut, values.astype(numpy.int64), dataset) / ((1 << image.voi_lut.bits) - 1)
    if not image.windows:
        return stored(image, dataset, values)
    shown = apply_voi_lut(values, dataset, index=0).astype(numpy.float64)
    # pydicom's range: that of the stored bits, or of the table, rescaled, the ends not exchanged by a negative slope
    low, high = image.stored_range()
    if image.modality_lut:
        low, high = 0, (1 << dataset.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
    if image.rescale:
        slope, intercept = (float(text) for text in image.rescale)
        low, high = low * slope + intercept, high * slope + intercept
    return (shown - low) / (high - low)


def looked_up(lut: Lut, values: numpy.ndarray, dataset: pydicom.Dataset) -> numpy.ndarray:
    """pydicom's `apply_voi` stores table indices in the type of the entries, so that they wrap at 256 or 65,536."""
    shown = entries(lut, values)
    wraps = (values - lut.first).max() >= (256 if lut.bits == 8 else 65536)
    if not wraps and (shown != apply_voi_lut(values, dataset, index=0)).any():
        raise AssertionError("pydicom's table has other values")
    return shown


def clean(image: Image) -> pydicom.Dataset:
    """The attributes that pydicom's functions read."""
    dataset = pydicom.Dataset()
    dataset.Rows, dataset.Columns = image.values.shape[:2]
    dataset.SamplesPerPixel = 3 if image.colors else 1
    dataset.PhotometricInterpretation = image.photometric
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = image.allocated, image.stored, image.stored - 1
    dataset.PixelRepresentation = int(image.signed)
    if image.rescale:
        dataset.RescaleSlope, dataset.RescaleIntercept = image.rescale
    if image.modality_lut:
        # pydicom accepts only modality tables of 8 and of 16 bits; the values are the same
        dataset.ModalityLUTSequence = [item(image.modality_lut, 8 if image.modality_lut.bits == 8 else 16)]
    if image.voi_lut:
        dataset.VOILUTSequence = [item(image.voi_lut, image.voi_lut.bits)]
    if image.windows:
        dataset.WindowCenter, dataset.WindowWidth = image.windows
    if image.function:
        dataset.VOILUTFunction = image.function.strip().upper()
    return dataset


def item(lut: Lut, bits: int) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    count = len(lut.entries) % 65536
    dataset.add_new("LUTDescriptor", "SS" if lut.first < 0 else "US", [count, lut.first, bits])
    dataset.add_new("LUTData", "US", lut.entries.tolist())
    return dataset


def decoded(image: Image) -> numpy.ndarray:
    """pydicom's stored values of a compressed image."""
    dataset = clean(image)
    dataset.PixelData = encapsulate([image.sound])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    if image.colors:
        dataset.PlanarConfiguration = 0
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = image.syntax.uid
    if not image.syntax.lossy and is_wrong(image):
        return image.values
    # by name: gdcm, which pydicom would take where it is installed, ends the process over bits that it does not expect
    plugin = "pyjpegls" if image.syntax.name.startswith("JPEG-LS") else "pylibjpeg"
    dataset.pixel_array_options(decoding_plugin=plugin)
    pixels = dataset.pixel_array.astype(numpy.int32)
    if not image.syntax.lossy and not (pixels == image.values).all():
        raise AssertionError(f"pydicom has other pixels of {image.uid}: {image.describe()}")
    return pixels


def is_wrong(image: Image) -> bool:
    return any(wrong(image) for wrong in WRONG.values())


# Lossless images that pydicom and its plugins decode differently, and why that is wrong.
WRONG = {
    # pydicom converts them to RGB, with rounding
    "luma and colours": lambda image: image.photometric == "YBR_FULL",
    # its plugins return samples of 8 bits, two of which pydicom reads as one
    "a stream of 8 bits or fewer where 16 are allocated": lambda image: image.allocated == 16
    and image.stored <= 8
    and not image.syntax.name == "RLE",
    # bits above HighBit do not belong to the sample (PS3.5 8.1.1): the sign is the highest stored bit
    "two's complement of fewer bits in a stream of all": lambda image: image.signed
    and image.syntax.name == "JPEG-LS"
    and "a stream of all bits" in image.notes,
}
