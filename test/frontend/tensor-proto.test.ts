import assert from 'node:assert/strict';
import { memorySource } from '../../src/files/byte-source.js';
import { encodeTensorProto, readTensorProto } from '../../src/frontend/caffe2/messages.js';
import type { TensorProto } from '../../src/frontend/caffe2/net-def.js';
import { protoFromTensor, tensorFromProto } from '../../src/frontend/caffe2/tensor-proto.js';
import { kDTypes } from '../../src/ir/dtype.js';
import { floatTensor, type Tensor, tensorFromNumbers, toNumbers } from '../../src/ir/tensor.js';
import { expectProblem } from './expect-problem.js';

const kEmpty = protoFromTensor(floatTensor([0], []));

function proto(fields: Partial<TensorProto>, ...dims: readonly number[]): TensorProto {
  return { ...kEmpty, dims: BigInt64Array.from(dims, BigInt), ...fields };
}

describe('TensorProto', () => {
  for (const dtype of kDTypes) {
    if (dtype === 'bf16') continue;
    it(`${dtype} is read as it was written`, () => {
      const strings = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(255)];
      const tensor: Tensor =
        dtype === 'str'
          ? { dtype, dims: [3], data: strings }
          : tensorFromNumbers(dtype, [3], dtype.startsWith('u') || dtype === 'bool' ? [0, 1, 200] : [0, -1, 100]);
      const wire = encodeTensorProto(protoFromTensor(tensor, 'w'));
      assert.deepEqual(tensorFromProto(readTensorProto(memorySource(wire))), tensor);
    });
  }

  it('an absent type is FLOAT, absent dims are a scalar', () => {
    const { dataType: _, ...untyped } = proto({ floatData: Float32Array.of(3) });
    const tensor = tensorFromProto(untyped);
    assert.equal(tensor.dtype, 'f32');
    assert.deepEqual(tensor.dims, []);
  });

  it('byte_data holds raw elements of the small types', () => {
    const bytes = Uint8Array.of(1, 255);
    const read = (dataType: number, ...dims: readonly number[]): readonly number[] =>
      toNumbers(tensorFromProto(proto({ dataType, byteData: bytes }, ...dims)));
    assert.deepEqual(read(6, 2), [1, 255]);
    assert.deepEqual(read(3, 2), [1, 255]);
    assert.deepEqual(read(7, 2), [1, -1]);
    assert.deepEqual(read(5, 2), [1, 1]);
    assert.deepEqual(read(8, 1), [0xff01]);
    assert.deepEqual(read(9, 1), [-255]);
    assert.deepEqual(tensorFromProto(proto({ dataType: 12, byteData: bytes }, 1)).data, Uint16Array.of(0xff01));
  });

  it('raw_data holds little-endian elements or bfloat16', () => {
    const rawData = Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
    assert.deepEqual(toNumbers(tensorFromProto(proto({ rawData }, 2))), [1, -2]);
    const halves = Uint8Array.of(0x80, 0x3f, 0, 0xc0);
    assert.deepEqual(toNumbers(tensorFromProto(proto({ rawData: halves, dataFormat: 1 }, 2))), [1, -2]);
    expectProblem(() => tensorFromProto(proto({ rawData, dataFormat: 2 }, 2)), 'unsupported', /data_format 2/);
  });

  const one = Float32Array.of(1);
  const refused: readonly (readonly [string, TensorProto, RegExp])[] = [
    ['too few values', proto({ floatData: one }, 2), /expected 2 in float_data, got 1/],
    ['values in another field', proto({ int32Data: Int32Array.of(1) }, 1), /expected 1 in float_data, got 0/],
    ['a negative dim', proto({ floatData: one }, -1), /negative dim/],
    ['dims whose product is negative twice', proto({ floatData: one }, -1, -1), /negative dim/],
    ['dims without end', proto({ floatData: one }, 2 ** 40, 2 ** 40), /too large to exist/],
    ['huge dims', proto({ floatData: one }, 2 ** 40), /expected 1099511627776/],
    ['a chunk alone', proto({ floatData: one, segment: { begin: 0n, end: 1n } }, 2), /end of a chunked tensor/],
    ['a segment outside', proto({ floatData: one, segment: { begin: 2n, end: 3n } }, 2), /bad tensor segment/],
    ['a negative segment', proto({ floatData: one, segment: { begin: -1n, end: 0n } }, 2), /bad tensor segment/],
    ['raw data of another size', proto({ rawData: Uint8Array.of(1, 2, 3) }, 1), /expected 4 in raw_data, got 3/],
  ];
  for (const [name, bad, pattern] of refused) {
    it(`refuses ${name}`, () => {
      expectProblem(() => tensorFromProto(bad, { file: 'f', blob: 'w' }), 'invalid-model', pattern);
    });
  }

  it('refuses data types that are no tensors of numbers or strings', () => {
    for (const dataType of [0, 11, 14, 15, 99]) {
      expectProblem(() => tensorFromProto(proto({ dataType }, 0)), 'unsupported', /DataType/);
    }
  });
});
