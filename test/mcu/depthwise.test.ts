// Depthwise 3x3 convolutions of cores without vectors, compiled for this machine as if it had none: images of few rows and
// columns, windows that leave them on all sides, both strides; against the interpreter.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { kernelTarget, loadTarget } from '../../src/build/target.js';
import { formatProblem } from '../../src/errors.js';
import { importCaffe2 } from '../../src/frontend/caffe2/import-net.js';
import { makeArgument, makeNet, makeOperator } from '../../src/frontend/caffe2/net-def.js';
import type { Graph } from '../../src/ir/graph.js';
import { makeTensor, type NumericTensor } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import { packageRoot } from '../../src/package-root.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { buildProgram } from '../../src/plan/build-program.js';
import { runCompiled } from '../batch/run-compiled.js';
import { describeDifference } from '../corpus/compare.js';

const kTarget = fileURLToPath(new URL('test/mcu/x86-64-scalar.json', packageRoot));
const kChannels = 3;

interface Shape {
  readonly height: number;
  readonly width: number;
  readonly stride: number;
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}

const kPads = [
  [0, 0, 0, 0],
  [1, 1, 1, 1],
  [0, 0, 1, 1],
  [1, 0, 0, 1],
  [0, 1, 1, 0],
] as const;
const kSizes = [
  [3, 3],
  [4, 5],
  [5, 4],
  [6, 9],
] as const;
const kAll: readonly Shape[] = kSizes.flatMap(([height, width]) =>
  kPads.flatMap((pads) => [1, 2].map((stride) => ({ height, width, stride, pads }))),
);
const hasRows = ({ height, stride, pads: [top, , bottom] }: Shape): boolean => height + top + bottom - 3 >= stride;
const kNear = kAll.filter(hasRows);
const kFar: readonly Shape[] = [
  ...kAll.filter((shape) => !hasRows(shape)),
  { height: 5, width: 5, stride: 1, pads: [2, 2, 2, 2] },
  { height: 2, width: 7, stride: 1, pads: [1, 1, 1, 1] },
  { height: 7, width: 2, stride: 2, pads: [1, 1, 1, 1] },
  { height: 6, width: 6, stride: 3, pads: [1, 1, 1, 1] },
];

function numbers(dims: readonly number[], seed: number): NumericTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return makeTensor(
    'f32',
    dims,
    Float32Array.from({ length: count }, (_, i) => ((i * 37 + seed * 11) % 41) / 16 - 1.2),
  );
}

function graphOf({ height, width, stride, pads: [top, left, bottom, right] }: Shape): Graph {
  const sizes = { kernel: 3, stride, group: kChannels, pad_t: top, pad_l: left, pad_b: bottom, pad_r: right };
  const args = Object.entries(sizes).map(([name, i]) => makeArgument({ name, i: BigInt(i) }));
  const ops = [
    makeOperator({ type: 'Conv', inputs: ['x', 'w', 'b'], outputs: ['c'], args }),
    makeOperator({ type: 'Relu', inputs: ['c'], outputs: ['y'] }),
  ];
  const predict = makeNet({ ops, externalInputs: ['x', 'w', 'b'], externalOutputs: ['y'] });
  const tensors = new Map([
    ['w', numbers([kChannels, 1, 3, 3], 3)],
    ['b', numbers([kChannels], 5)],
  ]);
  const x = { name: 'x', dtype: 'f32', shape: [2, kChannels, height, width] } as const;
  return importCaffe2({ predict, tensors }, { inputShapes: new Map([['x', x]]) }).graph;
}

function kernelOf(shape: Shape): string {
  const graph = runPasses(graphOf(shape), { optimize: true });
  const target = kernelTarget(loadTarget(kTarget), 1);
  return buildProgram(graph, { target, optimize: true, opCount: 2 }).layers[0]?.kernel ?? 'none';
}

describe('depthwise convolution on cores without vectors', function () {
  this.timeout(300_000);

  it('goes down the image in strips where windows reach one pixel out of it at most', () => {
    for (const shape of kNear) assert.equal(kernelOf(shape), 'conv2d_depthwise_strips', JSON.stringify(shape));
    for (const shape of kFar) assert.equal(kernelOf(shape), 'conv2d_depthwise_scalar', JSON.stringify(shape));
  });

  it('is right for windows that leave the image on all sides', async () => {
    const jobs = [...kNear, ...kFar].map((shape, i) => {
      const inputs = new Map([['x', numbers([2, kChannels, shape.height, shape.width], i)]]);
      return { id: `net_${i}`, graph: graphOf(shape), inputs, shape };
    });
    const outcomes = await runCompiled(jobs, { target: kTarget, optimize: true });
    const wrong = jobs.flatMap(({ graph, inputs, shape }, i) => {
      const [outcome, want] = [outcomes[i], interpret(graph, inputs).get('y')];
      const got = outcome?.kind === 'outputs' ? outcome.outputs.get('y') : undefined;
      if (got === undefined || want === undefined)
        return [`${JSON.stringify(shape)}: ${outcome?.kind === 'problems' ? outcome.problems.map(formatProblem) : ''}`];
      const difference = describeDifference(got, want, 1e-5, 1e-5);
      return difference === undefined ? [] : [`${JSON.stringify(shape)}: ${difference}`];
    });
    assert.deepEqual(wrong, []);
  });
});
