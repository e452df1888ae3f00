"""DICOM files with random combinations of oddities, and their correct pictures: for tests/dicom/generated.rs.

    python3 tests/reference/oddities OUT SEED COUNT

Writes OUT/dicom/NAME, OUT/answers/ID.f32 and OUT/cases.tsv (ID, NAME, oddities). An answer is height and width
(32-bit integers) and four pictures in 32-bit floats, 0 being black and 1 white: the lowest and the highest correct
`stored` intensities, and the lowest and the highest correct `window` intensities. They differ if compression is lossy,
as decoders round differently.

The same seed gives the same files. Modules:

- `draw`: the image: its bits, its values, how they are displayed;
- `codec`: its pixel data in each transfer syntax;
- `answer`: pydicom's pixels, modality values and windows of a clean data set;
- `oddities`: additions that do not change the picture;
- `write`: the bytes of a data set and of a file.

Packages: tests/reference/requirements.txt.
"""

import pathlib
import sys

import numpy

import answer
import draw
import oddities
import write


def main(out: pathlib.Path, seed: int, count: int) -> None:
    for folder in ("dicom", "answers"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with open(out / "cases.tsv", "w", encoding="utf-8") as table:
        for number in range(count):
            rng = numpy.random.default_rng([seed, number])
            image = draw.image(rng, f"1.2.3.{seed}.{number}")
            pictures = answer.pictures(image)
            plan = oddities.plan(rng, image)
            name = f"{number:05}{plan.ending}"
            (out / "dicom" / name).write_bytes(write.file(rng, image, plan))
            size = numpy.array(pictures[0].shape, "<i4").tobytes()
            answers = b"".join(picture.astype("<f4").tobytes() for picture in pictures)
            (out / "answers" / f"{image.uid}.f32").write_bytes(size + answers)
            table.write(f"{image.uid}\t{name}\t{image.describe()}; {plan.describe()}\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
