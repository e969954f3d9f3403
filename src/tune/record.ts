// The record of measurements: JSON lines, the first of which names the format. One line per layer, target and CPU, in a fixed
// order, so that records are read, compared and merged like text. Nothing but what was measured decides what is in it.

import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { CompileError, fail, type Problem } from '../errors.js';
import type { TunedKernel } from '../ops/kernel-call.js';

/** What was measured of a layer: each kernel in its fastest form, fastest first. */
export interface TunedLayer {
  readonly target: string;
  readonly cpu: string;
  /** Signature of the layer (src/plan/kernels/tuned.ts). */
  readonly layer: string;
  /** Threads that ran it. */
  readonly threads: number;
  readonly kernels: readonly TunedKernel[];
}

export type TuningRecord = readonly TunedLayer[];

const kFormat = 'cortado-tuning';
const kFormatVersion = 1;

const kText = { type: 'string', minLength: 1 } as const;
const kSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['target', 'cpu', 'layer', 'threads', 'kernels'],
  properties: {
    target: kText,
    cpu: kText,
    layer: kText,
    threads: { type: 'integer', minimum: 1 },
    kernels: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['kernel', 'tile', 'ms'],
        properties: {
          kernel: kText,
          tile: { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } },
          ms: { type: 'number', exclusiveMinimum: 0 },
        },
      },
    },
  },
} as const;

/** Reads a record; every line that is wrong is told at once. */
export function readTuningRecord(file: string): TuningRecord {
  const lines = readText(file).split('\n');
  checkHeader(file, lines[0] ?? '');
  const validate = new Ajv({ allErrors: true }).compile<TunedLayer>(kSchema);
  const problems: Problem[] = [];
  const layers = lines.flatMap((text, i): TuningRecord => {
    if (i === 0 || text.trim() === '') return [];
    const parsed = parseJson(text);
    if (validate(parsed)) return [parsed];
    const [error] = validate.errors ?? [];
    const message = `is no measurement: ${error?.instancePath ?? ''} ${error?.message ?? 'not JSON'}`;
    problems.push({ code: 'bad-option', message, where: { file, line: i + 1 } });
    return [];
  });
  if (problems.length > 0) throw new CompileError(problems);
  return layers;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return fail('bad-option', `tuning record ${file} cannot be read`, {
      got: error instanceof Error ? error.message : String(error),
      remedy: '`cortado tune` writes one',
    });
  }
}

function checkHeader(file: string, line: string): void {
  const header = parseJson(line);
  const version = typeof header === 'object' && header !== null && kFormat in header ? header[kFormat] : undefined;
  if (version === kFormatVersion) return;
  fail('bad-option', 'is no tuning record of this version', {
    where: { file, line: 1 },
    expected: JSON.stringify({ [kFormat]: kFormatVersion }),
    got: line.slice(0, 80),
    remedy: '`cortado tune` writes one',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The record with new measurements in place of older ones of the same layer, target and CPU; in the order of its lines. */
export function mergeRecords(before: TuningRecord, measured: TuningRecord): TuningRecord {
  const key = ({ target, cpu, layer }: TunedLayer): string => [target, cpu, layer].join('\n');
  const byKey = new Map([...before, ...measured].map((layer) => [key(layer), layer]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, layer]) => layer);
}

export function writeTuningRecord(file: string, record: TuningRecord): void {
  const header = JSON.stringify({ [kFormat]: kFormatVersion });
  const lines = record.map(({ target, cpu, layer, threads, kernels }) =>
    JSON.stringify({ target, cpu, layer, threads, kernels }),
  );
  try {
    writeFileSync(file, `${[header, ...lines].join('\n')}\n`);
  } catch (error) {
    fail('bad-option', `the tuning record cannot be written to ${file}`, {
      got: error instanceof Error ? error.message : String(error),
    });
  }
}
