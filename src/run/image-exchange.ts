// The files through which an image without an operating system gets its inputs and gives its results: what
// runtime/bare/main.cc reads and writes, little-endian.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../errors.js';
import { dtypeFromCaffe2 } from '../ir/dtype.js';
import { allocateData, elementCount, makeTensor, type NumericTensor } from '../ir/tensor.js';

const kRequestMagic = 0x51724d43;
const kResultMagic = 0x52724d43;
const kMaxRank = 8;
const kHeadBytes = 8 + 8 * kMaxRank;
const kResultBytes = 24;
const kFaultBytes = 160;

export interface ImageRequest {
  readonly runs: number;
  readonly warmup: number;
  /** In the net's order; undefined: absent. */
  readonly inputs: readonly (NumericTensor | undefined)[];
}

export interface ImageResult {
  readonly status: number;
  readonly fault: string;
  readonly stackUsedBytes: number;
  readonly createTicks: number;
  /** Clock ticks of each run, and of each layer over all runs. */
  readonly runTicks: readonly number[];
  readonly layerTicks: readonly number[];
}

/** Writes `request.bin` and the inputs' bytes. */
export function writeRequest(folder: string, { runs, warmup, inputs }: ImageRequest): void {
  const request = Buffer.alloc(16 + inputs.length * kHeadBytes);
  for (const [i, word] of [kRequestMagic, runs, warmup, 0].entries()) request.writeUInt32LE(word, 4 * i);
  inputs.forEach((tensor, i) => {
    const at = 16 + i * kHeadBytes;
    request.writeInt32LE(tensor === undefined ? -1 : tensor.dims.length, at);
    if (tensor === undefined) return;
    for (const [d, dim] of tensor.dims.entries()) request.writeBigInt64LE(BigInt(dim), at + 8 + 8 * d);
    const { data } = tensor;
    writeFileSync(join(folder, `input${i}.bin`), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
  writeFileSync(join(folder, 'request.bin'), request);
}

/** Reads `result.bin` and `ticks.bin`; undefined when the image ended before it wrote them. */
export function readResult(folder: string, layers: number): ImageResult | undefined {
  const file = join(folder, 'result.bin');
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  if (bytes.length < kResultBytes + kFaultBytes || bytes.readUInt32LE(0) !== kResultMagic) return undefined;
  const text = bytes.subarray(kResultBytes, kResultBytes + kFaultBytes);
  const ticks = existsSync(join(folder, 'ticks.bin')) ? readFileSync(join(folder, 'ticks.bin')) : Buffer.alloc(0);
  const all = Array.from({ length: Math.floor(ticks.length / 8) }, (_, i) => Number(ticks.readBigUInt64LE(8 * i)));
  const runs = Math.max(0, all.length - layers);
  return {
    status: bytes.readInt32LE(4),
    stackUsedBytes: bytes.readUInt32LE(8),
    createTicks: Number(bytes.readBigUInt64LE(16)),
    fault: text.toString('utf8', 0, Math.max(0, text.indexOf(0))),
    runTicks: all.slice(0, runs),
    layerTicks: all.slice(runs),
  };
}

export function readOutput(folder: string, index: number): NumericTensor {
  const bytes = readFileSync(join(folder, `output${index}.bin`));
  return tensorAt(bytes, 0, kHeadBytes);
}

export interface TracedTensor {
  readonly op: number;
  readonly blob: string;
  readonly tensor: NumericTensor;
}

/** All traced tensors, in order of execution. */
export function readTrace(folder: string): readonly TracedTensor[] {
  const count = readdirSync(folder).filter((name) => /^trace\d+\.bin$/.test(name)).length;
  return Array.from({ length: count }, (_, i) => {
    const bytes = readFileSync(join(folder, `trace${i}.bin`));
    const nameBytes = bytes.readInt32LE(4);
    const start = 8 + kHeadBytes;
    return {
      op: bytes.readInt32LE(0),
      blob: bytes.toString('utf8', start, start + nameBytes),
      tensor: tensorAt(bytes, 8, start + nameBytes),
    };
  });
}

function tensorAt(bytes: Buffer, head: number, start: number): NumericTensor {
  const dtype = dtypeFromCaffe2(bytes.readInt32LE(head));
  const rank = bytes.readInt32LE(head + 4);
  if (dtype === undefined || dtype === 'str' || rank < 0 || rank > kMaxRank)
    return fail('internal', 'the image wrote an output that is no tensor');
  const dims = Array.from({ length: rank }, (_, d) => Number(bytes.readBigInt64LE(head + 8 + 8 * d)));
  const data = allocateData(dtype, elementCount(dims));
  const target = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length - start < target.length) return fail('internal', 'the image wrote an output that is cut short');
  target.set(bytes.subarray(start, start + target.length));
  return makeTensor(dtype, dims, data);
}
