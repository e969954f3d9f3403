// IndexHash: ids hashed into a range, with Caffe2's own hash (which models depend on).

import { makeTensor } from '../../ir/tensor.js';
import { tensorType } from '../../ir/type.js';
import { int } from '../attributes.js';
import { sizeToAxis } from '../axes.js';
import { numeric } from '../builder.js';
import { defineOp } from '../define.js';
import { extentArg, inputArg, lowerType, outputArg } from '../kernel-arguments.js';
import { partsFor } from '../strided-copy.js';
import { kIndexTypes } from '../value-sizes.js';

const kStartFactor = 0xdeadbeefn;
const kByteFactor = 65537n;

/** h = seed · 0xdeadbeef; for each byte b of the id, the lowest first and signed: h = h · 65537 + b. 1 of 4 bytes: 196609. */
function hashIndex(id: bigint, bits: number, seed: bigint, modulo: bigint): bigint {
  let hash = BigInt.asIntN(bits, seed * kStartFactor);
  for (let shift = 0; shift < bits; shift += 8) {
    hash = BigInt.asIntN(bits, hash * kByteFactor + BigInt.asIntN(8, id >> BigInt(shift)));
  }
  const rest = hash % modulo;
  return rest < 0n ? rest + modulo : rest;
}

export const indexHash = defineOp({
  name: 'IndexHash',
  doc: 'y = hash(id) modulo `modulo`, never negative; the hash is that of Caffe2, in the width of the ids',
  source: 'caffe2/operators/index_hash_ops.h',
  inputs: [{ name: 'ids', doc: 'i32 or i64' }],
  outputs: [{ name: 'y', doc: 'of the type and shape of the ids' }],
  attrs: { seed: int('start of the hash', 0), modulo: int('size of the range') },
  infer: (request) => {
    const ids = request.type(0);
    if (!kIndexTypes.includes(ids.dtype))
      request.fail('IndexHash needs integers', { input: 0, expected: 'i32 or i64' });
    if (request.attrs.modulo < 1) request.fail('modulo must be positive', { got: String(request.attrs.modulo) });
    return [tensorType(ids.dtype, ids.shape)];
  },
  reference: (request) => {
    const ids = numeric(request.tensor(0));
    const y = makeTensor(ids.dtype, ids.dims);
    const [seed, modulo] = [BigInt(request.attrs.seed), BigInt(request.attrs.modulo)];
    for (let i = 0; i < y.data.length; i++) {
      const hash = hashIndex(BigInt(ids.data[i] ?? 0), ids.dtype === 'i64' ? 64 : 32, seed, modulo);
      y.data[i] = (ids.dtype === 'i64' ? hash : Number(BigInt.asIntN(32, hash))) as never;
    }
    return [y];
  },
  lower: (request, { seed, modulo }) => {
    const { dtype, shape } = lowerType(request, 0);
    return {
      header: 'cortado/index_hash.h',
      fn: 'index_hash',
      template: [{ kind: 'dtype', dtype }],
      args: [
        inputArg(0),
        outputArg(),
        extentArg(sizeToAxis(shape, shape.length)),
        { kind: 'literal', value: seed, dtype: 'i64' },
        { kind: 'literal', value: modulo, dtype: 'i64' },
      ],
      parts: partsFor(shape, request),
    };
  },
  caffe2: {
    IndexHash: (scope) => {
      scope.expectInputs(1);
      scope.expectOutputs(1);
      const seed = Number(scope.args.int64('seed', 0n));
      const modulo = Number(scope.args.int64('modulo', 0n));
      return [scope.emitOne('IndexHash', [scope.input(0)], { seed, modulo })];
    },
  },
  examples: [
    { attrs: { seed: 0, modulo: 100 }, inputs: [{ dtype: 'i32', dims: [4], values: [1, 5, -3, 100000] }] },
    { attrs: { seed: 7, modulo: 1009 }, inputs: [{ dtype: 'i64', dims: [4], values: [1, 5, -3, 10000000000] }] },
  ],
});
