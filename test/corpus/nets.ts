// Whole real nets: where their files are, their weights made on demand, and their recorded runs. Weights are kept in a
// folder of the system's temporary ones, so that a second run is quick.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readNpy } from '../../src/files/npy.js';
import { type ImportedModel, type ImportOptions, importCaffe2 } from '../../src/frontend/caffe2/import-net.js';
import { loadModelFiles } from '../../src/frontend/caffe2/load-model-files.js';
import { getNumber, type Tensor } from '../../src/ir/tensor.js';

/** One recorded output of one operator: golden/<case>.json. */
export interface OpRecord {
  readonly op: number | string;
  readonly type: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly unset?: boolean;
    readonly shape?: readonly number[];
    readonly l2?: number;
    readonly samples?: readonly (number | string)[];
  }[];
}

export interface NetCase {
  readonly name: string;
  readonly predict_net: string;
  readonly weights: string;
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: string }[];
  readonly outputs: { readonly [blob: string]: { readonly file: string } };
  readonly ops: readonly OpRecord[];
}

/** The folder golden/ with nets/ and tools/. */
export class NetZoo {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  names(): readonly string[] {
    return fs.readdirSync(path.join(this.folder, 'nets')).sort();
  }

  cases(net: string): readonly NetCase[] {
    const golden = path.join(this.folder, 'nets', net, 'golden');
    const files = fs.readdirSync(golden).filter((name) => name.endsWith('.json'));
    return files.sort().map((file) => ({
      ...(JSON.parse(fs.readFileSync(path.join(golden, file), 'utf8')) as NetCase),
      name: file.replace(/\.json$/, ''),
    }));
  }

  import(
    net: string,
    files: Pick<NetCase, 'predict_net' | 'weights'>,
    options: ImportOptions = {},
    { valueInfo = true }: { readonly valueInfo?: boolean } = {},
  ): ImportedModel {
    const folder = path.join(this.folder, 'nets', net);
    const model = loadModelFiles({
      predictNet: path.join(folder, files.predict_net),
      initNet: this.initNet(net, files.weights),
      ...(valueInfo ? { valueInfo: path.join(folder, 'value_info.json') } : {}),
    });
    return importCaffe2(model, options);
  }

  /** Inputs of a recorded run by blob name. */
  inputs(net: string, item: NetCase): ReadonlyMap<string, Tensor> {
    const target = path.join(this.cache(net), item.name);
    const spec = path.join(this.folder, 'nets', net, 'golden', `${item.name}.json`);
    if (!fs.existsSync(target)) this.generate('input', spec, target);
    const fileOf = (name: string): string => path.join(target, `${name.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}.npy`);
    return new Map(item.inputs.map(({ name }) => [name, readNpy(fileOf(name))]));
  }

  output(net: string, item: NetCase, blob: string): Tensor {
    return readNpy(path.join(this.folder, 'nets', net, 'golden', item.outputs[blob]?.file ?? ''));
  }

  private initNet(net: string, weights: string): string {
    const source = path.join(this.folder, 'nets', net, weights);
    if (weights.endsWith('.pb')) return source;
    const target = path.join(this.cache(net), weights.replace(/\.json$/, '.pb'));
    if (!fs.existsSync(target)) this.generate('init', source, target);
    return target;
  }

  private cache(net: string): string {
    const folder = path.join(os.tmpdir(), 'cortado-nets', net);
    fs.mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Writes to a side name first: a broken run leaves nothing that looks complete. */
  private generate(command: 'init' | 'input', source: string, target: string): void {
    const partial = `${target}.${process.pid}.tmp`;
    execFileSync(process.execPath, [path.join(this.folder, 'tools', 'make-init-net.mjs'), command, source, partial]);
    fs.renameSync(partial, target);
  }
}

/** Why a computed tensor is not the recorded one, or undefined; samples within 1e-4 rms, the norm within 1e-5. */
export function recordDifference(got: Tensor, record: OpRecord['outputs'][number]): string | undefined {
  if (record.unset === true || got.dtype === 'str') return undefined;
  const shape = record.shape ?? [];
  if (got.dims.join() !== shape.join()) return `shape [${got.dims.join()}], recorded [${shape.join()}]`;
  const count = got.data.length;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += getNumber(got, i) ** 2;
  const l2 = Math.sqrt(squares);
  const want = record.l2 ?? l2;
  if (Math.abs(l2 - want) > 1e-5 * want) return `norm ${l2}, recorded ${want}`;
  const rms = want / Math.sqrt(Math.max(1, count));
  for (const [k, sample] of (record.samples ?? []).entries()) {
    const index = Math.floor(((2 * k + 1) * count) / 16);
    const value = getNumber(got, index);
    if (Math.abs(value - Number(sample)) > 1e-4 * rms) return `element ${index} is ${value}, recorded ${sample}`;
  }
  return undefined;
}
