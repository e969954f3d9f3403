// Typed look-up of an operator's arguments, exactly as Caffe2's ArgumentHelper does it (utils/proto_utils.cc): a scalar
// must sit in its own field, a list reads its own field and is empty otherwise, the same name twice must be the same
// bytes. Faults are reported, not thrown, so that all bad arguments of an operator show at once; the caller must not use
// a result once a fault was reported.

import type { ArgReader } from '../../ops/caffe2-import.js';
import { encodeNetDef } from './messages.js';
import { type Argument, makeNet, makeOperator, type NetDef } from './net-def.js';

export interface ArgFault {
  readonly message: string;
  readonly expected?: string;
  readonly got?: string;
  readonly remedy?: string;
}

export interface ArgListener {
  fault(fault: ArgFault): void;
  warn(message: string): void;
}

type ScalarField = 'i' | 'f' | 's' | 'n';
type ListField = 'ints' | 'floats' | 'strings';

const kFieldNames: { readonly [F in ScalarField | ListField]: string } = {
  i: 'an int (field i)',
  f: 'a float (field f)',
  s: 'a string (field s)',
  n: 'a net (field n)',
  ints: 'a list of ints (field ints)',
  floats: 'a list of floats (field floats)',
  strings: 'a list of strings (field strings)',
};

const kScalarFields = { int: 'i', float: 'f', text: 's', net: 'n' } as const;
const kInt32Min = -(2n ** 31n);
const kInt32Max = 2n ** 31n - 1n;

export class ArgTable implements ArgReader {
  private readonly byName = new Map<string, Argument>();
  private readonly asked = new Set<string>();
  private readonly listener: ArgListener;

  constructor(args: readonly Argument[], listener: ArgListener) {
    this.listener = listener;
    for (const arg of args) this.add(arg);
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  hasScalar(name: string, kind: 'int' | 'float' | 'text' | 'net'): boolean {
    return this.find(name)?.[kScalarFields[kind]] !== undefined;
  }

  int(name: string, fallback: number): number {
    const value = this.scalar(name, 'i');
    if (value === undefined) return fallback;
    if (value >= kInt32Min && value <= kInt32Max) return Number(value);
    this.listener.fault({ message: `argument ${name} does not fit`, expected: 'a 32-bit int', got: String(value) });
    return fallback;
  }

  int64(name: string, fallback: bigint): bigint {
    return this.scalar(name, 'i') ?? fallback;
  }

  float(name: string, fallback: number): number {
    return this.scalar(name, 'f') ?? fallback;
  }

  bool(name: string, fallback: boolean): boolean {
    const value = this.scalar(name, 'i');
    return value === undefined ? fallback : value !== 0n;
  }

  text(name: string, fallback: string): string {
    const value = this.scalar(name, 's');
    return value === undefined ? fallback : new TextDecoder().decode(value);
  }

  bytes(name: string): Uint8Array {
    return this.scalar(name, 's') ?? new Uint8Array();
  }

  net(name: string): NetDef | undefined {
    return this.scalar(name, 'n');
  }

  ints(name: string): readonly number[] {
    const values = Array.from(this.int64s(name), Number);
    const bad = values.find((value) => !Number.isSafeInteger(value));
    if (bad === undefined) return values;
    this.listener.fault({ message: `argument ${name} holds an int that is too large`, got: String(bad) });
    return [];
  }

  int64s(name: string): BigInt64Array {
    return this.list(name, 'ints')?.ints ?? new BigInt64Array(0);
  }

  floats(name: string): Float32Array {
    return this.list(name, 'floats')?.floats ?? new Float32Array(0);
  }

  strings(name: string): readonly Uint8Array[] {
    return this.list(name, 'strings')?.strings ?? [];
  }

  ignore(...names: readonly string[]): void {
    for (const name of names) this.asked.add(name);
  }

  /** Names that nobody asked for, in order. */
  unread(): readonly string[] {
    return [...this.byName.keys()].filter((name) => !this.asked.has(name));
  }

  private add(arg: Argument): void {
    const name = arg.name ?? '';
    const before = this.byName.get(name);
    if (before === undefined) this.byName.set(name, arg);
    else if (!sameBytes(before, arg)) {
      this.listener.fault({
        message: `argument ${name} occurs twice with different contents`,
        expected: 'one value',
        got: `${describeArgument(before)} and ${describeArgument(arg)}`,
      });
    }
  }

  private find(name: string): Argument | undefined {
    this.asked.add(name);
    return this.byName.get(name);
  }

  private scalar<F extends ScalarField>(name: string, field: F): Argument[F] | undefined {
    const arg = this.find(name);
    if (arg === undefined) return undefined;
    const value = arg[field];
    if (value === undefined) {
      this.listener.fault({
        message: `argument ${name} does not have the right field`,
        expected: kFieldNames[field],
        got: describeArgument(arg),
      });
    }
    return value;
  }

  private list(name: string, field: ListField): Argument | undefined {
    const arg = this.find(name);
    if (arg === undefined || arg[field].length > 0) return arg;
    const got = describeArgument(arg);
    if (got !== 'nothing') {
      this.listener.warn(`argument ${name} reads as an empty list: expected ${kFieldNames[field]}, got ${got}`);
    }
    return arg;
  }
}

/** The fields that are set, for people: `a float (field f) = 3`, `a list of 4 ints`. */
export function describeArgument(arg: Argument): string {
  const parts: string[] = [];
  if (arg.i !== undefined) parts.push(`${kFieldNames.i} = ${arg.i}`);
  if (arg.f !== undefined) parts.push(`${kFieldNames.f} = ${arg.f}`);
  if (arg.s !== undefined) parts.push(`${kFieldNames.s} = ${JSON.stringify(new TextDecoder().decode(arg.s))}`);
  if (arg.n !== undefined) parts.push(kFieldNames.n);
  if (arg.ints.length > 0) parts.push(`a list of ${arg.ints.length} ints`);
  if (arg.floats.length > 0) parts.push(`a list of ${arg.floats.length} floats`);
  if (arg.strings.length > 0) parts.push(`a list of ${arg.strings.length} strings`);
  if (arg.nets.length > 0) parts.push(`a list of ${arg.nets.length} nets`);
  if (arg.t !== undefined || arg.tensors.length > 0 || arg.qtensors.length > 0) parts.push('tensors');
  return parts.length === 0 ? 'nothing' : parts.join(' and ');
}

function sameBytes(a: Argument, b: Argument): boolean {
  const encode = (arg: Argument): Uint8Array =>
    encodeNetDef(makeNet({ ops: [makeOperator({ type: '', args: [arg] })] }));
  return Buffer.compare(encode(a), encode(b)) === 0;
}
