// value_info.json of the model zoo: {"blob": [DataType number, [dims]]}, the only place where most nets state the types
// and shapes of their inputs. It is read when asked for; a file lying beside the net is only pointed out.

import fs from 'node:fs';
import path from 'node:path';
import { fail, type Where } from '../../errors.js';
import { type ByteSource, type FileOrBytes, whereIn, withByteSource } from '../../files/byte-source.js';
import { type DType, dtypeFromCaffe2 } from '../../ir/dtype.js';
import { readText } from './messages.js';

export interface ValueInfo {
  readonly dtype: DType;
  readonly dims: readonly number[];
}

export function loadValueInfo(origin: FileOrBytes): ReadonlyMap<string, ValueInfo> {
  return withByteSource(origin, readValueInfo);
}

export function readValueInfo(source: ByteSource): ReadonlyMap<string, ValueInfo> {
  const where = whereIn(source);
  const json = parseJson(readText(source), where);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return fail('invalid-model', 'is not a value_info.json', { where, expected: '{"blob": [type, [dims]], …}' });
  }
  return new Map(Object.entries(json).map(([blob, entry]) => [blob, parseEntry(entry, { ...where, blob })]));
}

/** The value_info.json in the folder of a predict net, if there is one. */
export function findValueInfo(predictNetFile: string): string | undefined {
  const candidate = path.join(path.dirname(predictNetFile), 'value_info.json');
  return fs.existsSync(candidate) ? candidate : undefined;
}

function parseJson(text: string, where: Where): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail('invalid-model', `is not JSON: ${error instanceof Error ? error.message : ''}`, { where });
  }
}

function parseEntry(entry: unknown, where: Where): ValueInfo {
  const [dataType, dims, more]: readonly unknown[] = Array.isArray(entry) ? entry : [];
  const dtype = typeof dataType === 'number' ? dtypeFromCaffe2(dataType) : undefined;
  if (dtype === undefined || !isDims(dims) || more !== undefined) {
    return fail('invalid-model', 'bad value_info entry', {
      where,
      expected: '[DataType number, [dims]], such as [1, [1, 3, 224, 224]]',
      got: describe(entry),
    });
  }
  return { dtype, dims };
}

/** Shallow on purpose: the entry may be nested to any depth. */
function describe(entry: unknown): string {
  if (!Array.isArray(entry)) return entry === null ? 'null' : typeof entry;
  const parts = (entry as readonly unknown[]).slice(0, 8);
  return `[${parts.map((part) => (typeof part === 'number' ? String(part) : Array.isArray(part) ? '[…]' : typeof part)).join(', ')}]`;
}

function isDims(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
}
