"""The same in Python, in the libraries that one would use: pydicom, OpenCV, NumPy, ONNX Runtime.

    python script.py FOLDER KIND IMAGES... OUT

writes the submission to OUT. Floats throughout, as the engine has; one thread.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pydicom
from ensemble import MEAN, SIZE, STD


def sessions(folder: Path, names: list[str]) -> list[ort.InferenceSession]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return [ort.InferenceSession(folder / f"{name}.onnx", options, ["CPUExecutionProvider"]) for name in names]


def rle(mask: np.ndarray) -> str:
    down = np.ascontiguousarray(mask.T).reshape(-1)
    edges = np.flatnonzero(np.diff(down, prepend=0, append=0))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return "-1"
    offsets = starts.copy()
    offsets[1:] -= ends[:-1]
    return " ".join(f"{offset} {length}" for offset, length in zip(offsets.tolist(), (ends - starts).tolist()))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def main(folder: Path, kind: str, files: list[str], out: Path) -> None:
    cv2.setNumThreads(1)
    classifier, *segmenters = sessions(folder, ["c", f"{kind}1", f"{kind}2"])
    mean, std = np.array(MEAN, np.float32)[:, None, None], np.array(STD, np.float32)[:, None, None]
    batch = np.empty((2, 3, SIZE, SIZE), np.float32)
    rows = []
    for file in files:
        data = pydicom.dcmread(file)
        image = cv2.resize(data.pixel_array.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        np.multiply(image, 1 / 255, out=image)
        np.subtract(image, mean, out=batch[0])
        np.divide(batch[0], std, out=batch[0])
        batch[1] = batch[0, :, :, ::-1]
        score = sigmoid(classifier.run(None, {"image": batch})[0]).mean()
        if score <= 0.01:
            rows.append((data.SOPInstanceUID, "-1"))
            continue
        total = np.zeros((1024, 1024), np.float32)
        for segmenter in segmenters:
            maps = sigmoid(segmenter.run(None, {"image": batch})[0][:, 0])
            mean_map = (maps[0] + maps[1, :, ::-1]) / 2
            total += cv2.resize(mean_map, (1024, 1024), interpolation=cv2.INTER_LINEAR)
        marked = (total / 2 > 0.5).view(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
        keep = np.zeros(count, np.uint8)
        keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= 1500
        marked = keep[labels]
        contours, _ = cv2.findContours(marked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(marked, contours, -1, 1, cv2.FILLED)
        rows.append((data.SOPInstanceUID, rle(marked)))
    out.write_text("ImageId,EncodedPixels\n" + "".join(f"{name},{runs}\n" for name, runs in rows))


if __name__ == "__main__":
    folder, kind, *files, out = sys.argv[1:]
    main(Path(folder), kind, files, Path(out))
