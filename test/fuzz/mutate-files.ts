// Mutation fuzz of the file layer: damaged nets, texts, databases, predictors and .npy files must load or be refused with
// a CompileError, quickly. Seeded, so every failure repeats; a failing case is printed as hexadecimal bytes.
//   node dist/test/fuzz/mutate-files.js [count=100000] [seed=1]

import { pathToFileURL } from 'node:url';
import { CompileError } from '../../src/errors.js';
import { memorySource } from '../../src/files/byte-source.js';
import { encodeNpy, readNpy } from '../../src/files/npy.js';
import { loadModelFiles } from '../../src/frontend/caffe2/load-model-files.js';
import {
  encodeMetaNetDef,
  encodeNetDef,
  encodeTensorProtos,
  printNetDefText,
} from '../../src/frontend/caffe2/messages.js';
import { protoFromTensor } from '../../src/frontend/caffe2/tensor-proto.js';
import { readValueInfo } from '../../src/frontend/caffe2/value-info.js';
import { floatTensor } from '../../src/ir/tensor.js';
import { bytesOfText, everyFieldNet, sampleMetaNet, samplePredictorDb } from '../frontend/sample-nets.js';
import { cpuTimeMs } from '../support/cpu-time.js';
import { mutateBytes } from './mutate-bytes.js';
import { RandomSource } from './random-source.js';

export interface FuzzOutcome {
  readonly loaded: number;
  readonly refused: number;
  readonly slowestMs: number;
}

interface Subject {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly read: (bytes: Uint8Array) => unknown;
}

const kLimitMs = 1000;
/** Reads `count` mutated files; throws on the first that misbehaves. */
export function fuzzFiles(count: number, seed: number): FuzzOutcome {
  const random = new RandomSource(seed);
  const subjects = makeSubjects();
  let loaded = 0;
  let slowestMs = 0;
  for (let i = 0; i < count; i++) {
    const subject = subjects[i % subjects.length];
    if (subject === undefined) break;
    const bytes = mutateBytes(subject.bytes, random);
    const timeMs = cpuTimeMs(() => {
      if (loads(subject, bytes)) loaded++;
    });
    slowestMs = Math.max(slowestMs, timeMs);
    if (timeMs > kLimitMs) throw new Error(`${subject.name} took ${timeMs} ms: ${Buffer.from(bytes).toString('hex')}`);
  }
  return { loaded, refused: count - loaded, slowestMs };
}

function makeSubjects(): readonly Subject[] {
  const predictNet = (bytes: Uint8Array): unknown => loadModelFiles({ predictNet: bytes });
  const net = everyFieldNet();
  const tensors = encodeTensorProtos({ protos: [protoFromTensor(floatTensor([3], [1, 2, 3]), 'w')] });
  const whole = encodeNetDef(net);
  return [
    { name: 'net', bytes: whole, read: predictNet },
    { name: 'packed net', bytes: encodeNetDef(net, { packed: true }), read: predictNet },
    { name: 'text net', bytes: bytesOfText(printNetDefText(net)), read: predictNet },
    { name: 'meta net', bytes: encodeMetaNetDef(sampleMetaNet()), read: predictNet },
    { name: 'minidb', bytes: samplePredictorDb(), read: predictNet },
    { name: 'tensors', bytes: tensors, read: (bytes) => loadModelFiles({ predictNet: whole, initNet: bytes }) },
    {
      name: 'value info',
      bytes: bytesOfText('{"x": [1, [1, 3]]}'),
      read: (bytes) => readValueInfo(memorySource(bytes)),
    },
    { name: 'npy', bytes: encodeNpy(floatTensor([2, 3], [1, 2, 3, 4, 5, 6])), read: readNpy },
  ];
}

function loads(subject: Subject, bytes: Uint8Array): boolean {
  try {
    subject.read(bytes);
    return true;
  } catch (error) {
    if (error instanceof CompileError && error.problems.every(({ code }) => code !== 'internal')) return false;
    throw new Error(`${subject.name} ${Buffer.from(bytes).toString('hex')}`, { cause: error });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [count, seed] = process.argv.slice(2).map(Number);
  console.log(JSON.stringify(fuzzFiles(count ?? 100_000, seed ?? 1)));
}
