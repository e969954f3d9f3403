// What is to be done on a GPU: steps by names of their own, values before times, and the Python programs at least compile and fold
// batch normalizations as they should.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { netJson } from '../../bench/cuda/net-json.js';
import { kPackedNets, packedSteps, programName } from '../../bench/cuda/packed-steps.js';
import { gpuSteps } from '../../bench/cuda/steps.js';
import { kBenchNets } from '../../bench/nets/index.js';
import { packageRoot } from '../../src/package-root.js';
import { isInstalled, suiteFolder } from '../build/places.js';
import { skipBecause } from '../support/skip.js';

const kPython = fileURLToPath(new URL('bench/cuda/', packageRoot));

describe('steps on a GPU', () => {
  it('have names of their own, and start with values', () => {
    const steps = gpuSteps({ shared: 'shared', nets: ['resnet50', 'squeezenet'], target: 'cuda-sm90' });
    const names = steps.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(names.slice(0, 4), ['digits-fp32', 'digits-tf32', 'digits-fp16', 'net-squeezenet-fp32']);
    const place = (name: string): number => {
      assert.ok(names.includes(name), name);
      return names.indexOf(name);
    };
    assert.ok(place('bench-resnet50-1x3x224x224-fp16') < place('sanitizer-squeezenet_1_1-fp16'));
    assert.ok(place('wgmma-kernels') < place('wgmma-with-resnet50-256-fp16'));
    assert.ok(place('bench-resnet50-256x3x224x224-fp16') < place('wgmma-with-resnet50-256-fp16'));
    assert.ok(place('sanitizer-squeezenet_1_1-fp16') < place('corpus-1'));
    assert.ok(place('corpus-1') < place('net-resnet50-fp16'));
  });

  it('packed ones check a net before they time PyTorch on it, and compile there last', () => {
    const steps = packedSteps(['conv_gemm_test'], kPackedNets);
    const names = steps.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    assert.equal(names[0], 'conv_gemm_test');
    assert.ok(kPackedNets.every((net) => kBenchNets.has(net.net) && names.includes(programName(net))));
    for (const [i, step] of steps.entries()) if (step.kind === 'peer') assert.ok(names.indexOf(step.program) < i);
    const last = steps.findIndex((step) => step.kind === 'peer' && step.compiled);
    assert.ok(steps.slice(last).every((step) => step.kind === 'peer' && step.compiled));
  });
});

describe('Python programs for a GPU', () => {
  const folder = suiteFolder();

  it('run_packed.py lists what was packed', function () {
    if (!isInstalled('python3')) skipBecause(this, 'python3 is not installed');
    writeFileSync(path.join(folder, 'steps.json'), JSON.stringify(packedSteps(['image_test'], [])));
    writeFileSync(path.join(folder, 'run.py'), readText('run_packed.py'));
    const listed = spawnSync('python3', [path.join(folder, 'run.py'), '--list'], { encoding: 'utf8' });
    assert.equal(listed.stdout, 'image_test\n', listed.stderr);
  });

  it('torch_peer.py folds every batch normalization of ResNet-18', function () {
    if (!isInstalled('python3')) skipBecause(this, 'python3 is not installed');
    const net = kBenchNets.get('resnet18')?.() ?? assert.fail('no net');
    const file = path.join(folder, 'net.json');
    writeFileSync(file, netJson(net, [1, 3, 224, 224]));
    const own = readText('torch_peer.py');
    const fold = own.slice(own.indexOf('def folded'), own.indexOf('def run_op'));
    const check = `import json\n${fold}\nnet = folded(json.load(open(${JSON.stringify(file)})))
made = {net["input"]["name"], *net["weights"]}
for op in net["ops"]:
    assert all(name in made for name in op["inputs"]), op
    made |= set(op["outputs"])
assert net["output"] in made
print(sum(op["type"] == "SpatialBN" for op in net["ops"]), sum(op["type"] == "Conv" for op in net["ops"]))`;
    const done = spawnSync('python3', ['-c', check], { encoding: 'utf8' });
    assert.equal(done.stdout, '0 20\n', done.stderr);
  });
});

function readText(name: string): string {
  return readFileSync(path.join(kPython, name), 'utf8');
}
