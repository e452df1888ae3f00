"""thin.py IN OUT SM[,SM]: a copy of ONNX Runtime's CUDA provider that compresses well: device code for other processors than
these (90: H100 and H200) becomes zeros, which no such GPU ever loads."""

import struct
import sys

FATBIN_SECTION, FATBIN_MAGIC = ".nv_fatbin", 0xBA55ED50


def section(library, wanted):
    """Offset and size of a section of an ELF file."""
    table = struct.unpack_from("<Q", library, 0x28)[0]
    entry_size, count, names_index = struct.unpack_from("<HHH", library, 0x3A)
    entries = [struct.unpack_from("<IIQQQQIIQQ", library, table + i * entry_size) for i in range(count)]
    names = entries[names_index][4]
    for entry in entries:
        start = names + entry[0]
        if library[start:library.find(b"\0", start)].decode() == wanted:
            return entry[4], entry[5]
    sys.exit(f"no section {wanted}")


def device_code(library, offset, size):
    """Offset, size and processor of each piece of device code in the section."""
    at, end = offset, offset + size
    while at < end - 16:
        magic, _, header, content = struct.unpack_from("<IHHQ", library, at)
        if magic != FATBIN_MAGIC:
            at += 8
            continue
        piece, last = at + header, at + header + content
        while piece < last - 32:
            piece_header, piece_size = struct.unpack_from("<IQ", library, piece + 4)
            if not 32 <= piece_header <= 4096 or piece_size == 0:
                break
            processor = struct.unpack_from("<I", library, piece + 28)[0]
            yield piece + piece_header, piece_size, processor
            piece += piece_header + piece_size
        at = last


source, target, kept = sys.argv[1], sys.argv[2], {int(it) for it in sys.argv[3].split(",")}
library = bytearray(open(source, "rb").read())
zeroed = 0
for start, size, processor in list(device_code(library, *section(library, FATBIN_SECTION))):
    if processor not in kept:
        library[start:start + size] = bytes(size)
        zeroed += size
open(target, "wb").write(library)
print(f"zeroed {zeroed / 2**20:.0f} MiB")
