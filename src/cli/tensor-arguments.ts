// `--input` and `--output` of run and verify say two things. `data=cat.npy` (or a bare file name, when there is only one
// tensor it can mean) is a file; `data:1,3,224,224` is a type, `softmax` a blob, as for compile.

import { fail } from '../errors.js';
import { closest } from './closest.js';

export interface NamedFile {
  /** Undefined: the only tensor there is. */
  readonly name: string | undefined;
  readonly file: string;
}

const kSpec =
  /:(?:(?:[A-Za-z_]\w*=)?\d+(?:\.\.\d+)?|[A-Za-z_]\w*)(?:,(?:(?:[A-Za-z_]\w*=)?\d+(?:\.\.\d+)?|[A-Za-z_]\w*))*$/;
const kFile = /\.(npy|raw|bin|png|jpe?g|ppm|pgm|txt)$/i;

export interface SplitArguments {
  readonly files: readonly NamedFile[];
  readonly others: readonly string[];
}

/** Tells files from types among --input values. */
export function splitInputs(values: readonly string[]): SplitArguments {
  const isFile = (value: string): boolean => kFile.test(value) || !kSpec.test(value);
  return { files: values.filter(isFile).map(namedFile), others: values.filter((value) => !isFile(value)) };
}

/** Tells files from blobs among --output values; what looks like a file must have an extension that is known. */
export function splitOutputs(values: readonly string[]): SplitArguments {
  const isFile = (value: string): boolean => kFile.test(value) || /=.*\.\w+$/.test(value);
  return { files: values.filter(isFile).map(namedFile), others: values.filter((value) => !isFile(value)) };
}

function namedFile(value: string): NamedFile {
  const at = value.indexOf('=');
  return at < 0 ? { name: undefined, file: value } : { name: value.slice(0, at), file: value.slice(at + 1) };
}

/** The file of each tensor; a file without a name belongs to the only tensor there is. */
export function assignFiles(
  option: string,
  files: readonly NamedFile[],
  tensors: readonly { readonly name: string; readonly optional?: boolean }[],
): ReadonlyMap<string, string> {
  const names = tensors.map(({ name }) => name);
  const needed = tensors.filter(({ optional }) => optional !== true);
  const assigned = new Map<string, string>();
  for (const { name, file } of files) {
    const only = needed.length === 1 ? needed[0]?.name : undefined;
    const target = name ?? only;
    if (target === undefined) {
      fail('bad-option', `${option} ${file} does not say which tensor it is for`, {
        expected: `${option} NAME=${file} with ${names.join(' or ')}`,
      });
    }
    if (!names.includes(target)) {
      const near = closest(target, names);
      fail('bad-option', `${option} names ${target}, which the net does not have`, {
        expected: names.join(' or '),
        ...(near === undefined ? {} : { remedy: `did you mean ${near}?` }),
      });
    }
    if (assigned.has(target)) fail('bad-option', `${option} is given twice for ${target}`);
    assigned.set(target, file);
  }
  return assigned;
}
