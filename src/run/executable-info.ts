// What an executable net says about itself (`--info`): names and types of its inputs and outputs.

import type { Runner } from '../build/target.js';
import { fail } from '../errors.js';
import { parseInputSpec, typeFromName } from '../frontend/caffe2/import-input-spec.js';
import { dimSymbol } from '../ir/dim.js';
import { type TensorType, tensorType } from '../ir/type.js';
import { readImageInfo, typeOfInfo } from './image-info.js';
import { execute } from './run-executable.js';

export interface TensorSlot {
  readonly name: string;
  readonly type: TensorType;
  readonly optional: boolean;
}

export interface ExecutableInfo {
  readonly inputs: readonly TensorSlot[];
  readonly outputs: readonly TensorSlot[];
}

export async function readExecutableInfo(runner: Runner, executable: string): Promise<ExecutableInfo> {
  if (runner.kind === 'qemu-system') return imageSlots(executable);
  const text = await execute(runner, executable, ['--info']);
  const bounds = new Map(
    [...text.matchAll(/^size {4}(.*?) +(\d+) to (\d+)/gm)].map((m) => [
      m[1] ?? '',
      [Number(m[2]), Number(m[3])] as const,
    ]),
  );
  const slots = (kind: string): readonly TensorSlot[] =>
    [...text.matchAll(new RegExp(`^${kind} +(.*?) +(\\S+) \\[([^\\]]*)\\](.*)$`, 'gm'))].map((m) => ({
      name: m[1] ?? '',
      type: parseType(m[2] ?? '', m[3] ?? '', bounds),
      optional: (m[4] ?? '').includes('optional'),
    }));
  const info = { inputs: slots('input'), outputs: slots('output') };
  if (info.outputs.length > 0) return info;
  return fail('bad-option', 'is no executable net', {
    where: { file: executable },
    expected: 'one written by cortado compile',
  });
}

function imageSlots(file: string): ExecutableInfo {
  const { inputs, outputs } = readImageInfo(file);
  const slots = (list: typeof inputs): readonly TensorSlot[] =>
    list.map((info) => ({ name: info.name, type: typeOfInfo(info), optional: info.optional }));
  return { inputs: slots(inputs), outputs: slots(outputs) };
}

function parseType(
  dtypeText: string,
  dims: string,
  bounds: ReadonlyMap<string, readonly [number, number]>,
): TensorType {
  const dtype = typeFromName(dtypeText) ?? fail('internal', `unknown type ${dtypeText} in --info`);
  const parts = dims === '' ? [] : dims.split(',');
  const shape = parts.map((part, axis) => {
    const known = bounds.get(part);
    if (known !== undefined) return dimSymbol(part, known[0], known[1]);
    return parseInputSpec(`d${axis}:${part}`).shape[0] ?? 1;
  });
  return tensorType(dtype, shape);
}
