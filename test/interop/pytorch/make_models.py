"""Writes a .pth file for each network of a models.json of the parity tests, with the weights that its logits were computed
with: python3 make_models.py ../../parity/golden/models.json <folder> [name ...]. Every second file is in the format before
PyTorch 1.6, and every third is a checkpoint of a network under DataParallel. Needs NumPy and PyTorch."""
import collections
import json
import math
import sys
import numpy as np
import torch


def unit(name, count, seed):
    """count float32 numbers in [-0.5, 0.5), by FNV-1a of the name and the lowbias32 hash of the index (test/parity/fill.ts)."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = ((start ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = np.arange(count, dtype=np.uint32) + np.uint32((start + seed * 0x9E3779B9) & 0xFFFFFFFF)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return (x.astype(np.float64) / 2**32 - 0.5).astype(np.float32)


def entry(name, shape, seed):
    """One entry of a state dict, filled as its name says."""
    leaf = name.split(".")[-1]
    if leaf == "num_batches_tracked":
        return torch.tensor(0)
    scale, offset = 0.2, 0.0
    if leaf == "running_var":
        scale, offset = 0.5, 1.0
    elif leaf == "weight" and len(shape) == 1:
        offset = 1.0
    elif leaf == "weight":
        scale = math.sqrt(12) * math.sqrt(2 / math.prod(shape[1:]))
    values = offset + scale * unit(name, math.prod(shape), seed).astype(np.float64)
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


golden = json.load(open(sys.argv[1]))
for number, case in enumerate(golden["cases"]):
    model = case["model"]
    if len(sys.argv) > 3 and model not in sys.argv[3:]:
        continue
    state = collections.OrderedDict((name, entry(name, shape, golden["seed"])) for name, shape in case["state"])
    if number % 3 == 2:
        state = {"epoch": 1, "state_dict": collections.OrderedDict((f"module.{k}", v) for k, v in state.items())}
    torch.save(state, f"{sys.argv[2]}/{model}.pth", _use_new_zipfile_serialization=number % 2 == 0)
