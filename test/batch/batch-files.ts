// The two files of a batch program (batch_run.h describes them): what the nets read, and what came out.

import { dtypeCaffe2, dtypeFromCaffe2, dtypeSizeBytes } from '../../src/ir/dtype.js';
import { allocateData, elementCount, makeTensor, type Tensor } from '../../src/ir/tensor.js';
import { bytesOf } from '../../src/plan/weights.js';
import type { BatchNet } from './batch-source.js';

/** What one net did. */
export type NetResult =
  | {
      readonly kind: 'finished';
      readonly status: number;
      readonly op: number;
      readonly layer: string;
      readonly outputs: readonly Tensor[];
    }
  | { readonly kind: 'crashed'; readonly how: string }
  /** Garbage in the arena or the place of the outputs changed an output. */
  | { readonly kind: 'unstable'; readonly output: number }
  /** Bytes beside a buffer changed. */
  | { readonly kind: 'outside' }
  /** Buffers of the net do not fit the machine's memory. */
  | { readonly kind: 'too-large' };

/** The input file's record of one net, in pieces. */
export function inputRecord(net: BatchNet, inputs: ReadonlyMap<string, Tensor>): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [numbers([net.weightBytes]), ...net.weights, padding(net.weightBytes)];
  pieces.push(numbers([net.program.inputs.length]));
  for (const input of net.program.inputs) {
    const tensor = inputs.get(input.name);
    if (tensor === undefined || tensor.dtype === 'str') {
      pieces.push(numbers([dtypeCaffe2(input.type.dtype), 0, -1]));
      continue;
    }
    const bytes = bytesOf(tensor);
    pieces.push(
      numbers([dtypeCaffe2(tensor.dtype), tensor.dims.length, ...tensor.dims, bytes.length]),
      bytes,
      padding(bytes.length),
    );
  }
  return pieces;
}

/** Reads the results of `count` nets; fewer if the driver stopped early. */
export function readResults(file: Uint8Array, count: number): readonly NetResult[] {
  const reader = new ResultReader(file);
  const results: NetResult[] = [];
  while (results.length < count && !reader.isAtEnd()) results.push(reader.result());
  return results;
}

function numbers(values: readonly number[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
}

function padding(sizeBytes: number): Uint8Array {
  return new Uint8Array((8 - (sizeBytes % 8)) % 8);
}

class ResultReader {
  private at = 0;

  constructor(private readonly file: Uint8Array) {}

  isAtEnd(): boolean {
    return this.at >= this.file.length;
  }

  result(): NetResult {
    const kind = this.number();
    if (kind === 1) return { kind: 'crashed', how: `signal ${this.number()}` };
    if (kind === 2) return { kind: 'unstable', output: this.number() };
    if (kind === 3) return { kind: 'outside' };
    const [status, op] = [this.number(), this.number()];
    const layer = new TextDecoder().decode(this.bytes());
    const outputs = Array.from({ length: this.number() }, () => this.tensor());
    return { kind: 'finished', status, op, layer, outputs };
  }

  private number(): number {
    const value = new DataView(this.file.buffer, this.file.byteOffset + this.at).getBigInt64(0, true);
    this.at += 8;
    return Number(value);
  }

  private bytes(): Uint8Array {
    const sizeBytes = this.number();
    const start = this.at;
    this.at += Math.ceil(sizeBytes / 8) * 8;
    return this.file.slice(start, start + sizeBytes);
  }

  private tensor(): Tensor {
    const [number, rank] = [this.number(), this.number()];
    const dtype = dtypeFromCaffe2(number);
    if (dtype === undefined || dtype === 'str') throw new Error(`a net gave an output of type ${number}`);
    const dims = Array.from({ length: rank }, () => this.number());
    const bytes = this.bytes();
    const data = allocateData(dtype, elementCount(dims));
    if (bytes.length !== data.length * dtypeSizeBytes(dtype))
      throw new Error('an output has more or fewer bytes than its shape');
    new Uint8Array(data.buffer).set(bytes);
    return makeTensor(dtype, dims, data);
  }
}
