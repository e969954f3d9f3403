// A benchmark net as an ONNX model: one rule per Caffe2 operator type that the nets use, with the same meaning. Knows those
// nets only: batch 1, NCHW, arguments as NetBuilder writes them.

import type { Argument, OperatorDef } from '../../src/frontend/caffe2/net-def.js';
import type { BenchNet } from '../nets/net-builder.js';
import { OnnxGraph } from './onnx-graph.js';

class Export {
  readonly graph: OnnxGraph;
  private readonly weights: ReadonlyMap<string, Float32Array>;
  private readonly given = new Set<string>();

  constructor(readonly net: BenchNet) {
    this.graph = new OnnxGraph(net.name);
    this.weights = new Map(
      net.init.ops.map((op) => [op.outputs[0] ?? '', find(op, 'values')?.floats ?? new Float32Array(0)]),
    );
  }

  shape(blob: string): readonly number[] {
    return this.net.shapes.get(blob) ?? [];
  }

  /** The weight as an initializer, with other dims where ONNX wants them. */
  weight(name: string, dims: readonly number[] = this.shape(name)): string {
    const values = this.weights.get(name);
    if (values === undefined || this.given.has(name)) return name;
    this.given.add(name);
    return this.graph.floats(name, dims, values);
  }

  /** Rows of four gates, Caffe2's i, f, o, g as ONNX's i, o, f, c. */
  lstmRows(name: string, units: number): Float32Array {
    const values = this.weights.get(name) ?? new Float32Array(0);
    const gate = values.length / 4;
    if (gate % units !== 0) throw new Error(`${name} is no weight of an LSTM of ${units} units`);
    return Float32Array.from([0, 2, 1, 3].flatMap((k) => [...values.subarray(k * gate, (k + 1) * gate)]));
  }

  scalar(name: string, value: number): string {
    return this.graph.floats(name, [], Float32Array.of(value));
  }
}

/** One operator: its inputs are weights or earlier blobs, y is its first output. */
type Rule = (to: Export, op: OperatorDef, x: string, y: string) => void;

export function exportOnnx(net: BenchNet): Uint8Array {
  const to = new Export(net);
  for (const op of net.predict.ops) {
    const rule = kRules[op.type ?? ''];
    if (rule === undefined) throw new Error(`no ONNX rule for ${op.type}`);
    rule(to, op, op.inputs[0] ?? '', op.outputs[0] ?? '');
  }
  return to.graph.encode(net.input, net.output);
}

/** Same name and inputs; attributes by rule. */
function same(opType: string, attributes: (op: OperatorDef) => Parameters<OnnxGraph['node']>[3] = () => ({})): Rule {
  return (to, op, _, y) =>
    to.graph.node(
      opType,
      op.inputs.map((name) => to.weight(name)),
      [y],
      attributes(op),
    );
}

const kRules: Readonly<Record<string, Rule>> = {
  Conv: same('Conv', (op) => ({ ...window(op), group: int(op, 'group', 1) })),
  ConvTranspose: same('ConvTranspose', (op) => {
    const adj = int(op, 'adj');
    return { ...window(op), output_padding: [adj, adj] };
  }),
  SpatialBN: same('BatchNormalization', (op) => ({ epsilon: { f: float(op, 'epsilon') } })),
  InstanceNorm: same('InstanceNormalization', (op) => ({ epsilon: { f: float(op, 'epsilon') } })),
  Relu: same('Relu'),
  Tanh: same('Tanh'),
  Sum: same('Add'),
  Softmax: same('Softmax', () => ({ axis: 1 })),
  Concat: same('Concat', () => ({ axis: 1 })),
  Dropout: same('Identity'),
  MaxPool: same('MaxPool', window),
  AveragePool: (to, op, x, y) => {
    if (int(op, 'global_pooling') === 1) to.graph.node('GlobalAveragePool', [x], [y]);
    else to.graph.node('AveragePool', [x], [y], window(op));
  },
  LRN: same('LRN', (op) => ({
    size: int(op, 'size'),
    alpha: { f: float(op, 'alpha') },
    beta: { f: float(op, 'beta') },
    bias: { f: float(op, 'bias') },
  })),
  Clip: (to, op, x, y) => {
    const [low, high] = [to.scalar(`${y}_min`, float(op, 'min')), to.scalar(`${y}_max`, float(op, 'max'))];
    to.graph.node('Clip', [x, low, high], [y]);
  },
  PRelu: (to, op, x, y) => {
    const slope = op.inputs[1] ?? '';
    to.graph.node('PRelu', [x, to.weight(slope, [...to.shape(slope), 1, 1])], [y]);
  },
  FC: (to, op, x, y) => {
    const [, weights = '', bias = ''] = op.inputs;
    // The gates of an LSTM, part of ONNX's operator.
    if (int(op, 'axis', 1) === 2) return;
    const isFlat = to.shape(x).length === 2;
    if (!isFlat) to.graph.node('Flatten', [x], [`${y}_flat`], { axis: 1 });
    to.graph.node('Gemm', [isFlat ? x : `${y}_flat`, to.weight(weights), to.weight(bias)], [y], { transB: 1 });
  },
  RecurrentNetwork: (to, op, x) => {
    const gates = to.net.predict.ops.find(({ outputs }) => outputs.includes(x));
    const [data = '', ...ofInput] = gates?.inputs ?? [];
    const [, h = '', c = '', ...ofState] = op.inputs;
    const features = to.shape(data)[2] ?? 1;
    const units = to.shape(h)[2] ?? 1;
    const y = op.outputs[1] ?? '';
    const w = to.graph.floats(`${y}_w`, [1, 4 * units, features], to.lstmRows(ofInput[0] ?? '', units));
    const r = to.graph.floats(`${y}_r`, [1, 4 * units, units], to.lstmRows(ofState[0] ?? '', units));
    const biases = [ofInput[1] ?? '', ofState[1] ?? ''].flatMap((name) => [...to.lstmRows(name, units)]);
    const b = to.graph.floats(`${y}_b`, [1, 8 * units], Float32Array.from(biases));
    to.graph.node('LSTM', [data, w, r, b, '', to.weight(h), to.weight(c)], ['', y], { hidden_size: units });
  },
  PadImage: (to, op, x, y) => {
    const pad = int(op, 'pad');
    const pads = to.graph.int64s(`${y}_pads`, [0, 0, pad, pad, 0, 0, pad, pad]);
    to.graph.node('Pad', [x, pads], [y], { mode: 'reflect' });
  },
  ResizeNearest: (to, op, x, y) => {
    const scales = Float32Array.of(1, 1, float(op, 'height_scale'), float(op, 'width_scale'));
    to.graph.node('Resize', [x, '', to.graph.floats(`${y}_scales`, [4], scales)], [y], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
  },
  Split: (to, op, x, y) => {
    const sizes = to.graph.int64s(`${y}_sizes`, Array.from(find(op, 'split')?.ints ?? [], Number));
    to.graph.node('Split', [x, sizes], op.outputs, { axis: 1 });
  },
  ChannelShuffle: (to, op, x, y) => {
    const [n = 1, c = 1, h = 1, w = 1] = to.shape(x);
    const group = int(op, 'group');
    const grouped = to.graph.int64s(`${y}_grouped`, [n, group, c / group, h, w]);
    to.graph.node('Reshape', [x, grouped], [`${y}_split`]);
    to.graph.node('Transpose', [`${y}_split`], [`${y}_turned`], { perm: [0, 2, 1, 3, 4] });
    to.graph.node('Reshape', [`${y}_turned`, to.graph.int64s(`${y}_shape`, [n, c, h, w])], [y]);
  },
};

function window(op: OperatorDef): Readonly<Record<string, readonly number[]>> {
  const [kernel, stride, pad] = [int(op, 'kernel'), int(op, 'stride', 1), int(op, 'pad')];
  return { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] };
}

function find(op: OperatorDef, name: string): Argument | undefined {
  return op.args.find((arg) => arg.name === name);
}

function int(op: OperatorDef, name: string, otherwise = 0): number {
  return Number(find(op, name)?.i ?? otherwise);
}

function float(op: OperatorDef, name: string): number {
  return find(op, name)?.f ?? 0;
}
