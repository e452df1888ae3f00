"""Remakes the goldens of this folder from the libraries that pleura imports models of: nnU-Net 2.8.1, MONAI 1.6.1,
segmentation_models_pytorch 0.6.0, timm 1.0.22 and torchxrayvision 1.5.7, with PyTorch 2.15.0, ONNX 1.23.2 and Python
3.11 (requirements.txt). HF_HUB_OFFLINE=1 shows that nothing is downloaded.

    python tests/golden/import/goldens.py [PART...]

PART is nnunet, monai, smp, timm or xrv; default: all."""

import importlib
import sys
import tempfile
from pathlib import Path

PARTS = ["nnunet", "monai", "smp", "timm", "xrv"]

if __name__ == "__main__":
    here = Path(__file__).parent
    for part in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as scratch:
            importlib.import_module(f"{part}_goldens").write(here / part, Path(scratch))
