"""Works through a folder that `npm run gpu -- --pack DIR` has made, on a machine with a GPU: needs Python with numpy, PyTorch for its part, nothing else.

Every step's result is added to the report as soon as it is there; steps that the report has are skipped, so that a run that was
ended goes on when it is started again. A step that hangs is ended after STEP_SECONDS.
Usage: python3 run_packed.py [--minutes N] [--only PART[,PART]] [--report FILE] [--list] [--runs N]
"""
import argparse
import json
import lzma
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
STEP_SECONDS = 240
SANITIZERS = ["/usr/local/cuda/bin/compute-sanitizer", "compute-sanitizer"]


def unpacked(name, work):
    """The file itself, from NAME.xz where it is compressed."""
    source = os.path.join(HERE, name)
    if os.path.exists(source):
        return source
    target = os.path.join(work, name)
    if not os.path.exists(target):
        with lzma.open(source + ".xz") as packed, open(target, "wb") as plain:
            while block := packed.read(1 << 24):
                plain.write(block)
        os.chmod(target, 0o755)
    return target


def run(command, end):
    """Exit code, standard output, standard error; the code is None where the time was up."""
    seconds = max(5, min(STEP_SECONDS, end - time.monotonic()))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return None, "", f"ended after {seconds:.0f} s"
    except OSError as error:
        return None, "", str(error)


def compare(about, result):
    """One line on the values, and whether they are right: |a - e| <= atol * max|e| + rtol * |e|, for each image alike."""
    import numpy as np

    actual = np.fromfile(result, np.float32)
    expected = np.tile(np.fromfile(os.path.join(HERE, about["expected"]), np.float32), about["images"])
    if actual.shape != expected.shape:
        return f"{actual.size} values instead of {expected.size}", False
    largest = float(np.abs(expected).max())
    error = np.abs(actual - expected)
    bad = int((~(error <= about["atol"] * largest + about["rtol"] * np.abs(expected))).sum())
    return f"values: {bad} of {actual.size} differ, worst error {float(error.max()) / largest:.2e} of the largest", bad == 0


def net_command(step, about, work, runs, output):
    return [
        unpacked(step["program"], work),
        str(runs),
        unpacked(about["weights"], work),
        os.path.join(HERE, about["input"]),
        output,
    ]


def run_net(step, about, work, runs, end):
    output = os.path.join(work, "output")
    if os.path.exists(output):
        os.remove(output)
    code, out, err = run(net_command(step, about, work, runs, output), end)
    if code != 0:
        return False, f"exit code {code}: {err[-2000:]}"
    times = json.loads(out)
    line, right = compare(about, output) if os.path.exists(output) else ("no output on the device", False)
    gflops = 2 * about["macs"] / times["ms"] / 1e6
    layers = sorted(times["layers"], key=lambda layer: -layer["ms"])
    rows = [f"{layer['ms']:9.4f} ms  {layer['kernel']}  {layer['blob']}" for layer in layers[:12]]
    total = sum(layer["ms"] for layer in layers)
    return right, "\n".join([line, f"{times['ms']:.4f} ms a run, {gflops:.0f} GFLOP/s", f"{total:9.4f} ms  all layers one by one"] + rows)


def run_step(step, work, options, end):
    """Whether it went well, and what to write."""
    if step["kind"] == "test":
        code, out, err = run([unpacked(step["program"], work)], end)
        lines = [line for line in out.split("\n") if not line.startswith("ok")]
        return code == 0, "\n".join(lines + [err[-2000:]])
    with open(os.path.join(HERE, step["program"] + ".json")) as file:
        about = json.load(file)
    runs = options.runs or max(5, min(200, round(2e11 / about["macs"])))
    if step["kind"] == "net":
        return run_net(step, about, work, runs, end)
    if step["kind"] == "sanitizer":
        tool = next((path for path in SANITIZERS if os.path.exists(path)), SANITIZERS[-1])
        command = [tool, "--tool", step["tool"], "--error-exitcode", "9"]
        code, out, err = run(command + net_command(step, about, work, 1, os.path.join(work, "output")), end)
        found = [line for line in (out + err).split("\n") if line.startswith("=====")]
        return code == 0, "\n".join(found[:40] or [err[-1000:]])
    modes = "compiled" if step["compiled"] else "eager,graph,folded"
    net = os.path.join(HERE, step["program"] + ".net.json")
    code, out, err = run([sys.executable, os.path.join(HERE, "torch_peer.py"), net, step["precision"], str(runs), modes], end)
    return code == 0, out + err[-2000:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--report", default="gpu-report.md")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--runs", type=int, default=0)
    options = parser.parse_args()
    with open(os.path.join(HERE, "steps.json")) as file:
        steps = [step for step in json.load(file) if any(step["name"].startswith(part) for part in options.only.split(","))]
    if options.list:
        print("\n".join(step["name"] for step in steps))
        return 0
    if not os.path.exists(options.report):
        _, names, error = run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], time.monotonic() + 60)
        with open(options.report, "w") as report:
            report.write(f"# On {names.strip() or error}\n")
    with open(options.report) as report:
        known = report.read()
    end = time.monotonic() + 60 * options.minutes
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        for step in steps:
            if f"\n## {step['name']}:" in known:
                continue
            if time.monotonic() > end - 5:
                print("the time is up; run again to go on")
                break
            begin = time.monotonic()
            try:
                right, text = run_step(step, work, options, end)
            except Exception as error:  # the next step may work
                right, text = False, repr(error)
            failed += not right
            verdict = "ok" if right else "FAILED"
            with open(options.report, "a") as report:
                report.write(f"\n## {step['name']}: {verdict}, {time.monotonic() - begin:.0f} s\n\n```\n{text.strip()}\n```\n")
            print(f"{verdict:7} {step['name']} ({time.monotonic() - begin:.0f} s)", flush=True)
    print(f"{failed} steps failed; see {options.report}")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
