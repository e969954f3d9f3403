// Whole Int8 nets, from Caffe2 text to compiled programs, bit for bit against the interpreter: random ones, a classifier in
// the manner of MobileNet, and a detector in the manner of mask_rcnn_2go int8 (floats and bytes mixed, a mask branch in an If).

import assert from 'node:assert/strict';
import { kernelTarget, loadTarget } from '../../src/build/target.js';
import { formatProblem } from '../../src/errors.js';
import type { Graph } from '../../src/ir/graph.js';
import { floatTensor, type Tensor, toNumbers } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { printGraph } from '../../src/ops/print-graph.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { buildProgram } from '../../src/plan/build-program.js';
import { runCompiled } from '../batch/run-compiled.js';
import { describeDifference } from '../corpus/compare.js';
import { importText } from '../frontend/import-sample.js';
import { needTargetTools } from '../support/need-target-tools.js';
import { type Blob, Int8Net } from './int8-net.js';

interface Case {
  readonly id: string;
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

const kRandomNets = 60;
/** Random nets in the emulator. */
const kFewNets = 24;
const kDotTarget = 'aarch64-linux-v8.2';
const kTargets = [...new Set(['x86-64', loadTarget('native').name])];

function imageTensor(net: Int8Net, shape: readonly number[]): Tensor {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return floatTensor(
    shape,
    Array.from({ length: count }, () => 4 * net.random() - 2),
  );
}

function caseOf(id: string, net: Int8Net, shape: readonly number[]): Case {
  const { graph } = importText(net.predict(['x']), { init: net.init, inputs: [`x:${shape.join(',')}`] });
  return { id, graph, inputs: new Map([['x', imageTensor(net, shape)]]) };
}

/** A chain of random operators; what fits in shape is added or joined on the way. */
function randomCase(seed: number): Case {
  const net = new Int8Net(seed * 7919 + 1);
  const shape = [net.pick(1, 2), net.pick(1, 9), net.pick(5, 11), net.pick(5, 11)];
  let x = net.quantizedImage('x', shape, Math.fround(4 / 255), net.pick(100, 150));
  const length = net.pick(2, 6);
  for (let i = 0; i < length; i++) x = randomStep(net, x);
  if (net.random() < 0.4) x = net.fc(x, net.pick(2, 12));
  if (net.random() < 0.3) x = net.probability(x.shape.length === 2 ? 'Int8Softmax' : 'Int8Sigmoid', x);
  net.output(net.dequantized(x));
  return caseOf(`random_${seed}`, net, shape);
}

function randomStep(net: Int8Net, x: Blob): Blob {
  const [, h = 1, w = 1, c = 1] = x.shape;
  const isLarge = h >= 3 && w >= 3;
  const steps: readonly (() => Blob)[] = [
    () => net.conv(x, { channels: net.pick(1, 20), kernel: [1, 1], relu: net.random() < 0.5 }),
    () => net.conv(x, { channels: net.pick(1, 12), kernel: [3, 3], stride: net.pick(1, 2), pad: 1 }),
    () => net.conv(x, { channels: c, kernel: [3, 3], stride: net.pick(1, 2), pad: 1, group: c, relu: true }),
    () => net.conv(x, { channels: 2 * c, kernel: isLarge ? [2, 3] : [1, 1], group: c }),
    () => grouped(net, x),
    () => net.add(net.random() < 0.5 ? 'Int8Sum' : 'Int8AddRelu', x, net.conv(x, { channels: c, kernel: [1, 1] })),
    () => net.pool(net.random() < 0.5 ? 'Int8AveragePool' : 'Int8AveragePoolRelu', x, isLarge ? 3 : 1, net.pick(1, 2)),
    () => net.pool(net.random() < 0.5 ? 'Int8MaxPool' : 'Int8MaxPoolRelu', x, 3, 2, 1),
    () => net.concat([x, net.unary('Int8Relu', x, {}), net.unary('Int8LeakyRelu', x, { alpha: { float: 0.3 } })]),
    () => resized(net, x),
    () => net.convTranspose(x, net.pick(1, 6), net.pick(2, 3), 2),
    () => net.unary('Int8ChannelShuffle', x, { group: c % 3 === 0 ? 3 : 1, order: 'NHWC' }),
    () => net.unary('Int8Transpose', net.unary('Int8Transpose', x, { axes: [0, 2, 1, 3] }), { axes: [0, 2, 1, 3] }),
    () =>
      net.unary('Int8Slice', x, { dim: 1, start_idx: 0, end_idx: h - 1 }, [x.shape[0] ?? 1, Math.max(1, h - 1), w, c]),
  ];
  const choice = net.pick(0, steps.length - 1);
  const isTooSmall = h < 2 || w < 2 || h * w * c > 20000;
  const step = steps[isTooSmall ? 0 : choice];
  assert.ok(step !== undefined);
  return step();
}

function grouped(net: Int8Net, x: Blob): Blob {
  const c = x.shape[3] ?? 1;
  return net.conv(x, { channels: 6, kernel: [3, 1], pad: 1, group: c % 2 === 0 ? 2 : 1 });
}

function resized(net: Int8Net, x: Blob): Blob {
  const [n = 1, h = 1, w = 1, c = 1] = x.shape;
  const args = { height_scale: { float: 2 }, width_scale: { float: 1.5 } };
  return net.unary('Int8ResizeNearest', x, args, [n, 2 * h, Math.trunc(1.5 * w), c]);
}

/** Inverted residuals: widen, depthwise, narrow, add; then pool, FC, softmax. */
function mobileNet(): Case {
  const net = new Int8Net(2018);
  const shape = [1, 3, 32, 32];
  const input = net.quantizedImage('x', shape, Math.fround(4 / 255), 128);
  let x = net.conv(input, { channels: 16, kernel: [3, 3], stride: 2, pad: 1, relu: true });
  for (const [channels, stride] of [
    [16, 1],
    [24, 2],
    [24, 1],
    [32, 2],
  ] as const) {
    const before = x;
    const wide = 4 * (x.shape[3] ?? 1);
    x = net.conv(x, { channels: wide, kernel: [1, 1], relu: true });
    x = net.conv(x, { channels: wide, kernel: [3, 3], stride, pad: 1, group: wide, relu: true });
    x = net.conv(x, { channels, kernel: [1, 1] });
    if (stride === 1 && before.shape[3] === channels) x = net.add('Int8Sum', before, x);
  }
  x = net.pool('Int8AveragePool', x, 4, 1);
  const scores = net.probability('Int8Softmax', net.fc(x, 10));
  net.output(net.dequantized(scores));
  return caseOf('mobile_net', net, shape);
}

/**
 * As the zoo's mask_rcnn_2go int8: trunk in bytes, proposals and RoIAlign (order NHWC) in floats, box head in bytes again, the
 * mask head in an If that runs when there are boxes.
 */
function maskNet(): Case {
  const net = new Int8Net(77);
  const shape = [1, 3, 32, 32];
  const input = net.quantizedImage('x', shape, Math.fround(4 / 255), 128);
  const trunk = net.conv(net.conv(input, { channels: 8, kernel: [3, 3], stride: 2, pad: 1, relu: true }), {
    channels: 12,
    kernel: [3, 3],
    stride: 2,
    pad: 1,
    relu: true,
  });
  const features = net.dequantized(trunk);
  net.op({ type: 'Copy', inputs: ['rois'], outputs: ['boxes'] });
  net.op({
    type: 'RoIAlign',
    inputs: [features, 'boxes'],
    outputs: ['crops'],
    args: { order: 'NHWC', pooled_h: 4, pooled_w: 4, spatial_scale: { float: 0.25 }, sampling_ratio: 2 },
  });
  const crops = net.quantized('crops', [3, 4, 4, 12], trunk.scale, trunk.zeroPoint);
  const head = net.conv(crops, { channels: 16, kernel: [3, 3], pad: 1, relu: true });
  const scores = net.probability('Int8Softmax', net.fc(net.pool('Int8AveragePool', head, 4, 1), 5));
  net.output(net.dequantized(scores));
  const branch = new Int8Net(78, 'm_');
  const mask = branch.convTranspose(branch.conv(head, { channels: 6, kernel: [1, 1], relu: true }), 4, 2, 2);
  const nchw = branch.dequantized(mask);
  branch.op({ type: 'NHWC2NCHW', inputs: [nchw], outputs: ['logits'] });
  branch.op({ type: 'Sigmoid', inputs: ['logits'], outputs: ['masks'] });
  net.op({ type: 'IsEmpty', inputs: ['boxes'], outputs: ['none'] });
  const empty = 'op { type: "ConstantFill" output: "masks" arg { name: "shape" ints: 1 } }';
  const branches = `arg { name: "then_net" n { ${empty} } } arg { name: "else_net" n { ${branch.predict([head.name])} } }`;
  const branchOp = `op { type: "If" input: "none" output: "masks" ${branches} } external_output: "masks"`;
  const { graph } = importText(`${net.predict(['x', 'rois', ...branch.weights])}\n${branchOp}`, {
    init: `${net.init}\n${branch.init}`,
    inputs: ['x:1,3,32,32', 'rois:3,4'],
  });
  const rois = floatTensor([3, 4], [1, 2, 20, 24, 5, 5, 30, 12, 0, 0, 31, 31]);
  return {
    id: 'mask_net',
    graph,
    inputs: new Map([
      ['x', imageTensor(net, shape)],
      ['rois', rois],
    ]),
  };
}

describe('Int8 nets', () => {
  const nets = [mobileNet(), maskNet()];
  const cases = [...nets, ...Array.from({ length: kRandomNets }, (_, seed) => randomCase(seed))];

  it('the graphs read back from text', () => {
    for (const { graph } of cases.slice(0, 12)) {
      const text = printGraph(graph);
      assert.equal(printGraph(parseGraph(text)), text);
    }
  });

  it('results vary: nothing is clamped away', () => {
    for (const { graph, inputs, id } of nets) {
      for (const [name, tensor] of interpret(graph, inputs)) {
        assert.ok(
          new Set(toNumbers(tensor)).size > 4,
          `${id}: ${name} holds ${[...new Set(toNumbers(tensor))].join()}`,
        );
      }
    }
  });

  for (const target of kTargets) {
    for (const optimize of [true, false]) {
      it(`compiled = interpreted: ${target}, ${optimize ? 'optimized' : 'not optimized'}`, async function () {
        this.timeout(600_000);
        await checkCompiled(cases, target, optimize);
      });
    }
  }

  it(`compiled = interpreted: ${kDotTarget}, by dot products of bytes`, async function () {
    this.timeout(600_000);
    await needTargetTools(this, kDotTarget);
    const few = cases.slice(0, nets.length + kFewNets);
    const graph = runPasses(mobileNet().graph, { optimize: true });
    const target = kernelTarget(loadTarget(kDotTarget), 1);
    const { steps } = buildProgram(graph, { target, optimize: true, opCount: graph.nodes.length });
    const kernels = new Set(steps.map((step) => (step.kind === 'kernel' ? step.call.fn : '')));
    assert.ok(kernels.has('quantized_conv_dot') && kernels.has('quantized_depthwise'), [...kernels].join());
    await checkCompiled(few, kDotTarget, true);
  });
});

async function checkCompiled(cases: readonly Case[], target: string, optimize: boolean): Promise<void> {
  const outcomes = await runCompiled(cases, { target, optimize });
  const wrong = cases.flatMap(({ id, graph, inputs }, i) => {
    const outcome = outcomes[i];
    if (outcome?.kind !== 'outputs') return [`${id}: ${outcome?.problems.map(formatProblem).join(' | ') ?? 'not run'}`];
    // Floats around the bytes of mask_net (RoIAlign, Sigmoid) may move a byte by one step.
    const allowed = id === 'mask_net' ? 0.02 : 0;
    return [...interpret(graph, inputs)].flatMap(([name, want]) => {
      const got = outcome.outputs.get(name);
      const difference = got === undefined ? 'is missing' : describeDifference(got, want, 0, allowed);
      return difference === undefined ? [] : [`${id}: ${name}: ${difference}`];
    });
  });
  assert.deepEqual(wrong, []);
}
