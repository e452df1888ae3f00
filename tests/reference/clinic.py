"""Reads the objects of `pleura predict --dicom` with highdicom, and compares them with the findings.

Usage: clinic.py FINDINGS FOLDER. Prints one line of JSON an image: what is in the files, and every difference.
"""
import json
import sys
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom


def mask_of(rle, size):
    """Relative run lengths down the columns, as in the submission."""
    flat, place = np.zeros(size[0] * size[1], bool), 0
    numbers = [] if rle.strip() in ("", "-1") else [int(word) for word in rle.split()]
    for skip, length in zip(numbers[::2], numbers[1::2]):
        place += skip
        flat[place:place + length] = True
        place += length
    return flat.reshape(size[1], size[0]).T


def inside(state, shape):
    """The pixels within the polylines: an upright edge changes what is to its right."""
    change = np.zeros((shape[0], shape[1] + 1), int)
    for one in state.GraphicAnnotationSequence[0].GraphicObjectSequence:
        points = np.asarray(one.GraphicData).reshape(one.NumberOfGraphicPoints, 2).astype(int)
        for (x, above), (_, below) in zip(points[:-1], points[1:]):
            change[min(above, below):max(above, below), x] += np.sign(above - below)
    return np.cumsum(change, axis=1)[:, :-1] == 1


def check(line, folder):
    found, faults = json.loads(line), []
    name = folder / found["id"]
    source = pydicom.dcmread(found["file"])
    mask = mask_of(found["rle"], found["size"])
    seg_file, report = Path(f"{name}-seg.dcm"), hd.sr.srread(f"{name}-sr.dcm")
    if seg_file.exists() != bool(mask.any()):
        faults.append("a segmentation where nothing is marked, or none where something is")
    groups = report.content.get_planar_roi_measurement_groups() if mask.any() else \
        report.content.get_image_measurement_groups()
    numbers = {m.name.meaning: float(m.value) for group in groups for m in group.get_measurements()}
    presence = [q.value.meaning for group in groups for q in group.get_qualitative_evaluations()]
    if seg_file.exists():
        seg = hd.seg.segread(seg_file)
        if source.SOPInstanceUID.is_valid:
            shown = seg.get_pixels_by_source_instance([source.SOPInstanceUID], ignore_spatial_locations=True)[0, :, :, 0]
        else:
            shown = seg.pixel_array
        if not np.array_equal(shown.astype(bool), mask):
            faults.append("the segmentation's mask is another one")
        if groups[0].referenced_segmentation_frame.referenced_sop_instance_uid != seg.SOPInstanceUID:
            faults.append("the report refers to another segmentation")
    spacing = source.get("PixelSpacing", source.get("ImagerPixelSpacing"))
    area = mask.sum() * spacing[0] * spacing[1] if spacing and mask.any() else None
    if (area is None) != ("Area" not in numbers) or area is not None and abs(numbers["Area"] - area) > 1e-3 * area:
        faults.append(f"the area is {numbers.get('Area')}, expected {area}")
    if found["score"] and abs(numbers.get("Classifier score", -1) - found["score"][0]) > 1e-4 \
            and found["score"][0] == found["score"][1]:
        faults.append(f"the score is {numbers.get('Classifier score')}")
    state_file = Path(f"{name}-pr.dcm")
    if state_file.exists() != seg_file.exists():
        faults.append("a presentation state without a segmentation, or the other way round")
    if state_file.exists():
        state = pydicom.dcmread(state_file)
        if not np.array_equal(inside(state, mask.shape), mask):
            faults.append("the outline is not the mask's")
        window = state.SoftcopyVOILUTSequence[0] if "SoftcopyVOILUTSequence" in state else {}
        for key in ("WindowCenter", "WindowWidth"):
            value = source.get(key)
            first = value[0] if isinstance(value, pydicom.multival.MultiValue) else value
            if first is not None and window.get(key) != first:
                faults.append(f"the outline's {key} is {window.get(key)}, expected {first}")
        if (state.PresentationLUTShape == "INVERSE") != (source.PhotometricInterpretation == "MONOCHROME1"):
            faults.append(f"the outline's grey is {state.PresentationLUTShape}")
    objects = [pydicom.dcmread(path) for path in sorted(folder.glob(found["id"] + "-*.dcm"))]
    for made in objects:
        for key in ("StudyInstanceUID", "PatientID", "PatientName"):
            if key in source and source[key].value and made[key].value != source[key].value:
                faults.append(f"{made.Modality}: {key} is {made[key].value!r}, expected {source[key].value!r}")
    capture = pydicom.dcmread(f"{name}-sc.dcm")
    if capture.pixel_array.shape != (source.Rows, source.Columns, 3):
        faults.append("the capture has another size")
    return {"id": found["id"], "positive": bool(mask.any()), "presence": presence, "numbers": numbers,
            "ages": [made.get("PatientAge") for made in objects], "faults": faults}


for line in Path(sys.argv[1]).read_text().splitlines():
    print(json.dumps(check(line, Path(sys.argv[2]))))
