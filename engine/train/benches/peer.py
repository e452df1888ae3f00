"""The PyTorch side of benches/step.rs: one network, trained as well as PyTorch can on a CPU.

    python peer.py NETWORK BATCH SIZE THREADS

Answers each line on standard input with one line:

    layout contiguous|channels-last   `ok`: sets the memory layout of images and weights
    step N                            the mean seconds of N steps, and those of the processor
    memory                            the peak memory of this process, in MiB

Networks are segmentation_models_pytorch's; without it, or without torch, it exits with status 3.
"""

import sys
import time

try:
    import segmentation_models_pytorch as smp
    import torch
except ImportError as error:
    print(f"needs torch and segmentation_models_pytorch: {error}", file=sys.stderr)
    sys.exit(3)

NETWORKS = {
    "unet-resnet34": lambda: smp.Unet("resnet34", encoder_weights=None, in_channels=3),
    "unet-se-resnext50": lambda: smp.Unet("se_resnext50_32x4d", encoder_weights=None, in_channels=3),
    "unet-efficientnet-b0": lambda: smp.Unet("timm-efficientnet-b0", encoder_weights=None, in_channels=3),
    "deeplab-v3-resnet50": lambda: smp.DeepLabV3("resnet50", encoder_weights=None, in_channels=3),
}


def loss(logits, truth):
    """Binary cross-entropy and the Dice loss per image, as the recipe's terms `bce` and `dice`."""
    p = logits.sigmoid()
    both, areas = (p * truth).sum((1, 2, 3)), p.sum((1, 2, 3)) + truth.sum((1, 2, 3))
    dice = 1 - ((2 * both + 1) / (areas + 1)).mean()
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth) + dice


class Training:
    def __init__(self, network, batch, size):
        torch.manual_seed(1)
        self.net = NETWORKS[network]().train()
        self.images = torch.rand(batch, 3, size, size)
        self.truth = (torch.rand(batch, 1, size, size) < 0.1).float()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-4)

    def lay(self, name):
        layout = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}[name]
        self.net = self.net.to(memory_format=layout)
        self.images = self.images.contiguous(memory_format=layout)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss(self.net(self.images), self.truth).backward()
        self.optimizer.step()


def peak():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main():
    network, batch, size, threads = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    training = Training(network, batch, size)
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["layout", name]:
                training.lay(name)
                print("ok", flush=True)
            case ["step", count]:
                start = time.perf_counter(), time.process_time()
                for _ in range(int(count)):
                    training.step()
                end = time.perf_counter(), time.process_time()
                print(*((to - since) / int(count) for since, to in zip(start, end)), flush=True)
            case ["memory"]:
                print(peak(), flush=True)


main()
