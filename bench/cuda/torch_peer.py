"""The benchmark's nets in PyTorch, timed with CUDA events: eager, as a CUDA graph, as one with batch normalizations folded into the
convolutions before them, and compiled (max-autotune, which captures a graph and takes minutes). cuDNN chooses by measuring.
Reads a net as JSON (net-json.ts), weights are random: times do not depend on them. Prints one line of JSON:
{"eager": ms, "graph": ms, "folded": ms, "compiled": ms}; a mode that fails is null, and its reason is on stderr.
Usage: torch_peer.py NET.json fp32|tf32|fp16 RUNS [MODE,MODE]
"""
import json
import sys

import torch
import torch.nn.functional as F


class Net(torch.nn.Module):
    """Interprets the list of operators; each is one functional call."""

    def __init__(self, net, dtype):
        super().__init__()
        self.ops = net["ops"]
        self.input, self.output = net["input"], net["output"]
        for name, shape in net["weights"].items():
            fan_in = max(1, int(torch.tensor(shape[1:]).prod())) if len(shape) > 1 else 1
            value = torch.randn(shape) / fan_in**0.5 if len(shape) > 1 else torch.rand(shape) + 0.5
            self.register_buffer(name, value.to(dtype))

    def forward(self, x):
        values = {self.input["name"]: x}
        get = lambda name: values[name] if name in values else getattr(self, name)
        for op in self.ops:
            inputs = [get(name) for name in op["inputs"]]
            results = run_op(op["type"], inputs, op["args"])
            for name, value in zip(op["outputs"], results):
                values[name] = value
        return values[self.output]


def folded(net):
    """The net without the batch normalizations whose input is a convolution that nobody else reads: there it has a bias instead."""
    readers = [name for op in net["ops"] for name in op["inputs"]]
    made_by = {name: op for op in net["ops"] for name in op["outputs"]}
    ops, renamed, weights = [], {}, dict(net["weights"])
    for op in net["ops"]:
        source = op["inputs"][0]
        before = made_by.get(source)
        if op["type"] == "SpatialBN" and before is not None and before["type"] == "Conv" and readers.count(source) == 1:
            kept = next(o for o in ops if o["outputs"][0] == source)
            bias = source + "_folded_bias"
            weights[bias] = [weights[kept["inputs"][1]][0]]
            kept["inputs"] = [*kept["inputs"][:2], bias]
            renamed[op["outputs"][0]] = source
            continue
        ops.append({**op, "inputs": [renamed.get(name, name) for name in op["inputs"]]})
    return {**net, "ops": ops, "weights": weights, "output": renamed.get(net["output"], net["output"])}


def run_op(kind, x, a):
    first = x[0]
    if kind == "Conv":
        pad = (a.get("pad_t", a.get("pad", 0)), a.get("pad_l", a.get("pad", 0)))
        return [F.conv2d(first, x[1], x[2] if len(x) > 2 else None, a.get("stride", 1), pad, 1, a.get("group", 1))]
    if kind == "ConvTranspose":
        return [F.conv_transpose2d(first, x[1], x[2], a["stride"], a["pad"], a.get("adj", 0))]
    if kind == "SpatialBN":
        return [F.batch_norm(first, x[3], x[4], x[1], x[2], False, 0.0, a["epsilon"])]
    if kind == "InstanceNorm":
        return [F.instance_norm(first, None, None, x[1], x[2], True, 0.0, a["epsilon"])]
    if kind == "Relu":
        return [F.relu(first)]
    if kind == "Clip":
        return [torch.clamp(first, a["min"], a["max"])]
    if kind == "PRelu":
        return [F.prelu(first, x[1])]
    if kind == "Tanh":
        return [torch.tanh(first)]
    if kind == "LRN":
        return [F.local_response_norm(first, a["size"], a["alpha"], a["beta"], a["bias"])]
    if kind == "MaxPool":
        return [F.max_pool2d(first, a["kernel"], a["stride"], a.get("pad", 0))]
    if kind == "AveragePool":
        if a.get("global_pooling"):
            return [F.adaptive_avg_pool2d(first, 1)]
        return [F.avg_pool2d(first, a["kernel"], a["stride"], a.get("pad", 0), count_include_pad=False)]
    if kind == "PadImage":
        return [F.pad(first, [a["pad"]] * 4, a["mode"])]
    if kind == "ResizeNearest":
        return [F.interpolate(first, scale_factor=(a["height_scale"], a["width_scale"]), mode="nearest")]
    if kind == "Concat":
        return [torch.cat(x, 1)]
    if kind == "Sum":
        return [sum(x[1:], first)]
    if kind == "FC":
        return [F.linear(first.flatten(1), x[1], x[2])]
    if kind == "Softmax":
        return [F.softmax(first.flatten(1), 1)]
    if kind == "Dropout":
        return [first]
    raise ValueError(f"no {kind} here")


def time_ms(call, runs):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    for _ in range(10):
        call()
    best = float("inf")
    for _ in range(5):
        begin.record()
        for _ in range(runs):
            call()
        end.record()
        end.synchronize()
        best = min(best, begin.elapsed_time(end) / runs)
    return best


def graphed(model, x):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            model(x)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        model(x)
    return graph.replay


def main():
    net = json.load(open(sys.argv[1]))
    precision, runs = sys.argv[2], int(sys.argv[3])
    wanted = sys.argv[4].split(",") if len(sys.argv) > 4 else ["eager", "graph", "folded", "compiled"]
    dtype = torch.float16 if precision == "fp16" else torch.float32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    prepare = lambda net: Net(net, dtype).cuda().eval().to(memory_format=torch.channels_last)
    model = prepare(net)
    x = torch.randn(net["input"]["shape"], device="cuda", dtype=dtype).contiguous(memory_format=torch.channels_last)
    modes = {
        "eager": lambda: (lambda: model(x)),
        "graph": lambda: graphed(model, x),
        "folded": lambda: graphed(prepare(folded(net)), x),
        "compiled": lambda: (lambda compiled: lambda: compiled(x))(torch.compile(model, mode="max-autotune")),
    }
    result = {}
    with torch.inference_mode():
        for name in wanted:
            try:
                result[name] = time_ms(modes[name](), runs)
            except Exception as error:  # one mode less is a result, too
                print(f"{name}: {error}", file=sys.stderr)
                result[name] = None
    print(json.dumps(result))


main()
