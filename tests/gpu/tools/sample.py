"""sample.py FOLDER TRUTH OUT COUNT: copies radiographs (positive ones first) and their rows of the truth into OUT."""

import csv
import os
import shutil
import sys

folder, truth, out, count = sys.argv[1:]
rows = {}
for row in csv.reader(open(truth)):
    if row and row[0] != "ImageId":
        rows.setdefault(row[0], []).append(row[1].strip())
present = [key for key in rows if os.path.exists(os.path.join(folder, key + ".dcm"))]
present.sort(key=lambda key: (rows[key] == ["-1"], key))
os.makedirs(out, exist_ok=True)
with open(os.path.join(out, "truth.csv"), "w") as file:
    file.write("ImageId,EncodedPixels\n")
    for key in present[:int(count)]:
        shutil.copy(os.path.join(folder, key + ".dcm"), out)
        file.writelines(f"{key},{mask}\n" for mask in rows[key])
