// Small nets and files for the tests of the file layer, made by our own writers.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { encodeBlobProto, encodeMetaNetDef } from '../../src/frontend/caffe2/messages.js';
import { encodeMinidb, kMetaNetDefKey } from '../../src/frontend/caffe2/minidb.js';
import {
  type MetaNetDef,
  makeArgument,
  makeNet,
  makeOperator,
  type NetDef,
} from '../../src/frontend/caffe2/net-def.js';
import { protoFromTensor } from '../../src/frontend/caffe2/tensor-proto.js';
import { floatTensor } from '../../src/ir/tensor.js';

const kText = new TextEncoder();

export function bytesOfText(text: string): Uint8Array {
  return kText.encode(text);
}

/** Data that is not part of the repository; tests that need it skip themselves where it is missing. */
export function sharedPath(relative: string): string | undefined {
  const file = path.resolve('..', 'shared', relative);
  return fs.existsSync(file) ? file : undefined;
}

/** A fresh folder for files of one test. */
export function temporaryFolder(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'cortado-files-'));
}

/** A net that uses every field of the file format at least once. */
export function everyFieldNet(): NetDef {
  const inner = makeNet({ name: 'then', ops: [makeOperator({ type: 'Relu', inputs: ['x'], outputs: ['y'] })] });
  const tensor = protoFromTensor(floatTensor([2], [1, -2]), 'stored');
  const conv = makeOperator({
    type: 'Conv',
    name: 'conv1',
    inputs: ['data', 'w', 'b'],
    outputs: ['y'],
    engine: 'NNPACK',
    controlInputs: ['c'],
    isGradientOp: false,
    debugInfo: 'line "1"\n\\',
    domain: 'd',
    opVersion: -1n,
    deviceOption: {
      deviceType: 1,
      deviceId: 2,
      randomSeed: 4294967295,
      nodeName: 'n',
      numaNodeId: -1,
      extraInfo: ['e'],
    },
    args: [
      makeArgument({ name: 'alpha', f: Math.fround(0.1) }),
      makeArgument({ name: 'zero', i: 0n }),
      makeArgument({ name: 'low', i: -(2n ** 63n) }),
      makeArgument({ name: 'high', i: 2n ** 63n - 1n }),
      makeArgument({ name: 'order', s: bytesOfText('NCHW') }),
      makeArgument({ name: 'bytes', s: Uint8Array.from([0, 255, 10, 34, 92, 39, 127, 200]) }),
      makeArgument({ name: 'empty', s: new Uint8Array(0) }),
      makeArgument({
        name: 'values',
        floats: Float32Array.of(1, -0, Infinity, -Infinity, NaN, 1e-45, 3.4028235e38, 0.1),
      }),
      makeArgument({
        name: 'shape',
        ints: BigInt64Array.of(1n, -1n, 2n ** 62n + 1n, 127n, 128n, -(2n ** 31n), 2n ** 35n),
      }),
      makeArgument({ name: 'names', strings: [bytesOfText('größe'), new Uint8Array(0)] }),
      makeArgument({ name: 'then_net', n: inner, nets: [inner, makeNet({})] }),
      makeArgument({ name: 'tensor', t: tensor, tensors: [tensor] }),
    ],
  });
  const bare = makeOperator({ type: 'Copy', inputs: ['y'], outputs: ['z'] });
  return makeNet({
    name: 'everything',
    type: 'dag',
    numWorkers: 4,
    deviceOption: { extraInfo: [] },
    args: [makeArgument({ name: 'net_arg', i: 7n })],
    ops: [conv, bare],
    externalInputs: ['data', 'w', 'b'],
    externalOutputs: ['z'],
  });
}

/** The MetaNetDef of a predictor y = relu(x + w), as predictor_exporter.py makes it, keys ending in `suffix`. */
export function sampleMetaNet(suffix = ''): MetaNetDef {
  const load = makeOperator({ type: 'Load', inputs: ['!!PREDICTOR_DBREADER'], outputs: ['w'] });
  const zeros = makeOperator({
    type: 'ConstantFill',
    outputs: ['x'],
    args: [makeArgument({ name: 'shape', ints: BigInt64Array.of(5n) })],
  });
  const predict = makeNet({
    name: 'predict',
    ops: [
      makeOperator({ type: 'Add', inputs: ['x', 'w'], outputs: ['s'] }),
      makeOperator({ type: 'Relu', inputs: ['s'], outputs: ['y'] }),
    ],
    externalInputs: ['x', 'w'],
    externalOutputs: ['y'],
  });
  return {
    blobs: [
      { key: `PARAMETERS_BLOB_TYPE${suffix}`, values: ['w'] },
      { key: `INPUTS_BLOB_TYPE${suffix}`, values: ['x'] },
      { key: `OUTPUTS_BLOB_TYPE${suffix}`, values: ['y'] },
    ],
    nets: [
      { key: `GLOBAL_INIT_NET_TYPE${suffix}`, value: makeNet({ name: 'init', ops: [load] }) },
      { key: `PREDICT_INIT_NET_TYPE${suffix}`, value: makeNet({ name: 'zeros', ops: [zeros] }) },
      { key: `PREDICT_NET_TYPE${suffix}`, value: predict },
    ],
  };
}

export function metaNetBlob(meta: MetaNetDef): Uint8Array {
  return encodeBlobProto({ name: kMetaNetDefKey, type: 'std::string', content: encodeMetaNetDef(meta) });
}

/** Elements [begin, end) of the float tensor `name` of `dims`, as one record's value. */
export function chunkBlob(name: string, dims: readonly number[], begin: number, values: readonly number[]): Uint8Array {
  const part = protoFromTensor(floatTensor([values.length], values), name);
  const segment = { begin: BigInt(begin), end: BigInt(begin + values.length) };
  return encodeBlobProto({
    name,
    type: 'Tensor',
    tensor: { ...part, dims: BigInt64Array.from(dims, BigInt), segment },
  });
}

/** The exported predictor as a minidb file, its parameter w = [0, 1, 2, 3, 4] in three chunks out of order. */
export function samplePredictorDb(suffix = ''): Uint8Array {
  return encodeMinidb([
    ['w#%2', chunkBlob('w', [5], 4, [4])],
    [kMetaNetDefKey, metaNetBlob(sampleMetaNet(suffix))],
    ['w#%0', chunkBlob('w', [5], 0, [0, 1])],
    ['w#%1', chunkBlob('w', [5], 2, [2, 3])],
  ]);
}
