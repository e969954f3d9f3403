// Damages a net as a message: operators, blobs and arguments that are plausible one by one and wrong together. It gets
// further into the compiler than damaged bytes do, which the reader refuses.

import { type Argument, makeArgument, type NetDef, type OperatorDef } from '../../src/frontend/caffe2/net-def.js';
import type { RandomSource } from './random-source.js';

/** Numbers at which sizes, counts and products go wrong. */
const kInts = [0n, 1n, -1n, 2n, 3n, 7n, 64n, 255n, 1000n, 65536n, 1000000n, 2n ** 31n - 1n, 2n ** 31n, -(2n ** 31n)];
const kLargeInts = [2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];
const kFloats = [0, 1, -1, 0.5, 2, 1e-30, 1e30, 100000, Number.NaN, Number.POSITIVE_INFINITY, -0.3];
const kNames = ['axis', 'order', 'kernel', 'pad', 'stride', 'group', 'shape', 'broadcast', 'k', 'dtype', 'to', 'axes'];
const kTexts = ['NHWC', 'NCHW', '', 'x', 'float', '\u0000', 'int32'];

/** One to three changes. */
export function mutateNet(net: NetDef, random: RandomSource): NetDef {
  let mutated = net;
  for (let edits = random.int(1, 3); edits > 0; edits--) mutated = editNet(mutated, random);
  return mutated;
}

function editNet(net: NetDef, random: RandomSource): NetDef {
  const { ops } = net;
  if (ops.length === 0 || random.oneIn(12)) return editLists(net, random);
  const at = random.int(0, ops.length - 1);
  const op = ops[at];
  if (op === undefined) return net;
  const others = ops.filter((other) => other !== op);
  switch (random.int(0, 11)) {
    case 0:
      return { ...net, ops: others };
    case 1:
      return { ...net, ops: [...ops.slice(0, at), op, ...ops.slice(at)] };
    case 2:
      return { ...net, ops: [...others, op] };
    default:
      return { ...net, ops: ops.map((other) => (other === op ? editOp(op, blobsOf(net), random) : other)) };
  }
}

function blobsOf(net: NetDef): readonly string[] {
  return [...new Set([...net.externalInputs, ...net.ops.flatMap((op) => [...op.inputs, ...op.outputs]), 'unknown'])];
}

function editLists(net: NetDef, random: RandomSource): NetDef {
  const blobs = blobsOf(net);
  const key = random.oneIn(2) ? 'externalInputs' : 'externalOutputs';
  return { ...net, [key]: editList(net[key], () => random.pick(blobs), random) };
}

function editOp(op: OperatorDef, blobs: readonly string[], random: RandomSource): OperatorDef {
  switch (random.int(0, 5)) {
    case 0:
      return { ...op, inputs: editList(op.inputs, () => random.pick(blobs), random) };
    case 1:
      return { ...op, outputs: editList(op.outputs, () => random.pick(blobs), random) };
    default:
      return { ...op, args: editArgs(op.args, random) };
  }
}

function editArgs(args: readonly Argument[], random: RandomSource): readonly Argument[] {
  const at = random.int(0, args.length);
  const old = args[at];
  if (old === undefined) return [...args, randomArgument(random.pick(kNames), random)];
  if (random.oneIn(8)) return args.filter((other) => other !== old);
  return args.map((other) => (other === old ? editArgument(old, random) : other));
}

function editArgument(old: Argument, random: RandomSource): Argument {
  if (old.n !== undefined && !random.oneIn(4)) return { ...old, n: mutateNet(old.n, random) };
  if (old.ints.length > 0 && !random.oneIn(4)) {
    return { ...old, ints: BigInt64Array.from(editList([...old.ints], () => randomInt(random), random)) };
  }
  if (old.i !== undefined && !random.oneIn(4)) return { ...old, i: randomInt(random) };
  return randomArgument(old.name ?? 'axis', random);
}

function randomArgument(name: string, random: RandomSource): Argument {
  const count = random.int(0, 4);
  switch (random.int(0, 4)) {
    case 0:
      return makeArgument({ name, f: random.pick(kFloats) });
    case 1:
      return makeArgument({ name, s: new TextEncoder().encode(random.pick(kTexts)) });
    case 2:
      return makeArgument({ name, ints: BigInt64Array.from({ length: count }, () => randomInt(random)) });
    case 3:
      return makeArgument({ name, floats: Float32Array.from({ length: count }, () => random.pick(kFloats)) });
    default:
      return makeArgument({ name, i: randomInt(random) });
  }
}

/** Small numbers mostly: they get furthest. */
function randomInt(random: RandomSource): bigint {
  if (random.oneIn(16)) return random.pick(kLargeInts);
  return random.oneIn(2) ? BigInt(random.int(-3, 12)) : random.pick(kInts);
}

/** One item changed, added, taken away, or all turned round. */
function editList<T>(list: readonly T[], fresh: () => T, random: RandomSource): readonly T[] {
  const at = random.int(0, Math.max(0, list.length - 1));
  switch (random.int(0, 4)) {
    case 0:
      return [...list.slice(0, at), fresh(), ...list.slice(at)];
    case 1:
      return list.filter((_, i) => i !== at);
    case 2:
      return [...list].reverse();
    default:
      return list.map((item, i) => (i === at ? fresh() : item));
  }
}
