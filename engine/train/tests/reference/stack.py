"""Writes golden/stack.json: PyTorch's training of a small stacking head, and scikit-learn's logistic regressions.

Run from this folder with torch, numpy and scikit-learn installed: python stack.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional as F

IMAGES, MEMBERS, CHANNELS, EPOCHS, LR, DECAY, L2 = 48, 3, 4, 30, 0.01, 1e-3, 0.5


class Head(nn.Module):
    """Each probability, half of its difference to the next one, and finally the mean; three neighbours at a time."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, CHANNELS, 3)
        self.linear = nn.Linear(CHANNELS * (2 * MEMBERS - 1), 1)

    def forward(self, scores):
        half = (scores - scores.roll(-1, 1)) / 2
        pairs = torch.stack([scores, half], 2).flatten(1)
        row = torch.cat([pairs, scores.mean(1, keepdim=True)], 1)
        return self.linear(F.relu(self.conv(row.unsqueeze(1))).flatten(1)).squeeze(1)


def rounded(tensor):
    return [round(float(it), 8) for it in np.asarray(tensor, dtype=np.float64).reshape(-1)]


def main():
    torch.manual_seed(3)
    rng = np.random.default_rng(5)
    labels = (rng.random(IMAGES) < 0.4).astype(np.float32)
    logits = 2 * labels[:, None] - 1 + 1.2 * rng.standard_normal((IMAGES, MEMBERS))
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    head = Head()
    weights = {f"head.{key}": value for key, value in head.state_dict().items()}
    weights["head.conv.weight"] = weights["head.conv.weight"].unsqueeze(2)
    golden = {
        "members": MEMBERS,
        "channels": CHANNELS,
        "epochs": EPOCHS,
        "lr": LR,
        "weight_decay": DECAY,
        "scores": [float(it) for it in scores.reshape(-1)],
        "labels": [int(it) for it in labels],
        "weights": {key: [list(value.shape), [float(it) for it in value.flatten()]] for key, value in weights.items()},
    }
    x, y = torch.from_numpy(scores), torch.from_numpy(labels)
    golden["before"] = rounded(torch.sigmoid(head(x)).detach())
    adam = torch.optim.Adam(head.parameters(), LR, weight_decay=DECAY)
    for _ in range(EPOCHS):
        adam.zero_grad()
        F.binary_cross_entropy_with_logits(head(x), y).backward()
        adam.step()
    golden["after"] = rounded(torch.sigmoid(head(x)).detach())
    wide = scores.astype(np.float64)
    golden["l2"], golden["logistic"] = L2, {}
    for name, features in [("probabilities", wide), ("logits", np.log(wide / (1 - wide)))]:
        fitted = LogisticRegression(C=1 / L2, tol=1e-12, solver="newton-cholesky", max_iter=1000).fit(features, labels)
        golden["logistic"][name] = rounded([*fitted.coef_[0], fitted.intercept_[0]])
    Path("../golden/stack.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
