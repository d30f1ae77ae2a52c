"""Writes the small files that the tests of src/interop/pytorch read. Made with PyTorch 1.13.0."""
import collections
import sys
import torch

folder = sys.argv[1]
kinds = collections.OrderedDict(
    f32=torch.tensor([[1.5, -2.0, 3.25], [0.0, float("inf"), -0.0]]),
    f64=torch.tensor([0.1, 1e300], dtype=torch.float64),
    f16=torch.tensor([1.0, -2.5, 6e-8], dtype=torch.float16),
    bf16=torch.tensor([1.0, -3.0e38], dtype=torch.bfloat16),
    i64=torch.tensor(123456789012, dtype=torch.int64),
    i32=torch.tensor([-7, 7], dtype=torch.int32),
    i16=torch.tensor([-300], dtype=torch.int16),
    i8=torch.tensor([-1, 1], dtype=torch.int8),
    u8=torch.tensor([200, 1, 2], dtype=torch.uint8),
    flag=torch.tensor([True, False]),
    empty=torch.zeros(0, 4),
)
torch.save(kinds, f"{folder}/kinds.pth")
torch.save(kinds, f"{folder}/kinds-legacy.pth", _use_new_zipfile_serialization=False)
torch.save(kinds, f"{folder}/kinds-protocol4.pth", pickle_protocol=4)

base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
views = {
    "base": base,
    "transposed": base.t(),
    "column": base[:, 1],
    "step": base[::2, 1::2],
    "expanded": torch.tensor([[5.0], [6.0]]).expand(2, 3),
    "tail": base.flatten()[9:],
}
torch.save(views, f"{folder}/views.pth")
torch.save(views, f"{folder}/views-legacy.pth", _use_new_zipfile_serialization=False)

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, bias=False), torch.nn.BatchNorm2d(2))
with torch.no_grad():
    net[0].weight.copy_(torch.arange(18.0).reshape(2, 1, 3, 3) / 4)
net(torch.zeros(1, 1, 4, 4))
optimizer = torch.optim.Adam(net.parameters())
net(torch.ones(1, 1, 4, 4)).sum().backward()
optimizer.step()
checkpoint = {
    "epoch": 3,
    "best": 0.5,
    "arch": "tiny",
    "state_dict": torch.nn.DataParallel(net).state_dict(),
    "optimizer": optimizer.state_dict(),
}
torch.save(checkpoint, f"{folder}/checkpoint.pth")
torch.save({"model": dict(net[1].named_parameters())}, f"{folder}/parameters.pth")
torch.save(net, f"{folder}/module.pth")
