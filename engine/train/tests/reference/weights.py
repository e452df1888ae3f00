"""Writes the small weight files of tests/golden/weights, in every form that `pleura_train::weights` reads.

    python engine/train/tests/reference/weights.py      # needs torch and safetensors

The numbers follow a rule that the tests know: in the tensor at index `k` of the keys, number `i` is `k + i / 8`
(exact in half precision too).
"""

import io
import pathlib
import pickle
import zipfile

import safetensors.torch
import torch

FOLDER = pathlib.Path(__file__).parents[1] / "golden" / "weights"
SHAPES = {
    "conv1.weight": (2, 3, 3, 3),
    "bn1.weight": (2,),
    "bn1.bias": (2,),
    "bn1.running_mean": (2,),
    "bn1.running_var": (2,),
    "fc.weight": (1, 2),
}


def state_dict(dtypes=(torch.float32,)):
    tensors = {}
    for k, (name, shape) in enumerate(SHAPES.items()):
        count = torch.Size(shape).numel()
        numbers = k + torch.arange(count, dtype=torch.float64) / 8
        tensors[name] = numbers.reshape(shape).to(dtypes[k % len(dtypes)])
    tensors["bn1.num_batches_tracked"] = torch.tensor(7)
    return tensors


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(2)
        self.fc = torch.nn.Linear(2, 1, bias=False)


class Code:
    """Unpickled by Python, it would call a function."""

    def __reduce__(self):
        return (print, ("this must not be run",))


def strided(tensors):
    """The same numbers, stored in another order and within a larger storage."""
    kernel = tensors["conv1.weight"]
    tensors["conv1.weight"] = kernel.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    tensors["bn1.bias"] = torch.cat([torch.zeros(3), tensors["bn1.bias"], torch.zeros(5)])[3:5]
    return tensors


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    mixed = (torch.float16, torch.bfloat16, torch.float64)
    torch.save(state_dict(), FOLDER / "zip.pth")
    torch.save(state_dict(), FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(state_dict(mixed), FOLDER / "mixed.pth")
    torch.save(strided(state_dict()), FOLDER / "strided.pth")
    for key in ["state_dict", "model_state_dict", "model"]:
        net = Net()
        net.load_state_dict(state_dict())
        optimizer = torch.optim.Adam(net.parameters())
        net.fc(torch.zeros(1, 2)).sum().backward()
        optimizer.step()  # so that the optimiser's state holds tensors, which are not weights
        checkpoint = {"epoch": 3, key: state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(checkpoint, FOLDER / f"{key}.pth")
    net = Net()
    net.load_state_dict(state_dict())
    torch.save(net, FOLDER / "module.pth")
    safetensors.torch.save_file(state_dict(), FOLDER / "plain.safetensors")
    safetensors.torch.save_file(state_dict(mixed), FOLDER / "mixed.safetensors")
    (FOLDER / "code.pth").write_bytes(pickle.dumps(Code()))
    torch.save({"conv1.weight": Code(), "epoch": 3}, FOLDER / "no-tensors.pth")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(zipfile.ZipInfo("hello.txt"), "hello")
    (FOLDER / "other.pth").write_bytes(other.getvalue())


if __name__ == "__main__":
    main()
