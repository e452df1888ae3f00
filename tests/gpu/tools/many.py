"""many.py FOLDER TRUTH COPIES OUT: copies PNG images under new names into OUT/, and their truth into OUT.csv, so that an
epoch is many steps."""

import csv
import glob
import os
import shutil
import sys

folder, truth, copies, out = sys.argv[1:]
rows = [row for row in csv.reader(open(truth)) if row and row[0] != "ImageId"]
images = glob.glob(folder + "/**/*.png", recursive=True)
os.makedirs(out, exist_ok=True)
with open(out + ".csv", "w") as file:
    file.write("ImageId,EncodedPixels\n")
    for copy in range(int(copies)):
        for path in images:
            shutil.copy(path, f"{out}/{os.path.basename(path)[:-4]}-{copy}.png")
        file.writelines(f"{name}-{copy},{mask}\n" for name, mask in rows)
