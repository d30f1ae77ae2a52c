"""Reads safetensors files by the published format (https://huggingface.co/docs/safetensors/index#format) and compares them with
what PyTorch loads of the file that they were converted from: python3 read_safetensors.py <a.pth> <a.safetensors> [more pairs].
Prints how many tensors are equal, or fails. Needs PyTorch."""
import json
import sys
import torch

TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}


def once(pairs):
    assert len({key for key, _ in pairs}) == len(pairs), "a name twice"
    return dict(pairs)


def load(path):
    file = open(path, "rb").read()
    length = int.from_bytes(file[:8], "little")
    header, data = file[8 : 8 + length], file[8 + length :]
    assert length <= 100_000_000 and (8 + length) % 8 == 0 and header[:1] == b"{"
    entries = json.loads(header.decode("utf-8"), object_pairs_hook=once)
    metadata = entries.pop("__metadata__", {})
    assert all(isinstance(text, str) for text in metadata.values())
    state, end = {}, 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        assert set(entry) == {"dtype", "shape", "data_offsets"}
        start, stop = entry["data_offsets"]
        assert start == end, "a gap or an overlap"
        end = stop
        flat = torch.frombuffer(bytearray(data[start:stop]), dtype=TYPES[entry["dtype"]])
        state[name] = flat.reshape(entry["shape"])
    assert end == len(data), "the file is longer or shorter than its tensors"
    return state


equal = 0
for source, converted in zip(sys.argv[1::2], sys.argv[2::2]):
    expected = torch.load(source, map_location="cpu")
    expected = expected.get("state_dict", expected)
    expected = {name[7:] if name.startswith("module.") else name: tensor for name, tensor in expected.items()}
    state = load(converted)
    assert set(state) == set(expected), "other names"
    for name, tensor in expected.items():
        if tensor.is_floating_point():
            tensor = tensor.to(state[name].dtype)
        assert state[name].dtype == tensor.dtype and torch.equal(state[name], tensor), name
        equal += 1
print(equal)
