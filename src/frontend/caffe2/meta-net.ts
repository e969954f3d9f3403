// The nets and blob lists of an exported predictor (MetaNetDef). Keys are fixed words, each with "_" + name behind it
// when the export was named; several named predictors may share one file, then the caller has to choose.
// Source: python/predictor/predictor_exporter.py, predictor_constants.proto.

import { fail, type Where } from '../../errors.js';
import type { Tensor } from '../../ir/tensor.js';
import type { Argument, MetaNetDef, NetDef, OperatorDef } from './net-def.js';

export interface ExportedPredictor {
  readonly predict: NetDef;
  /** The init nets in running order; Load operators are gone, their outputs being tensors of the file. */
  readonly inits: readonly NetDef[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly parameters: readonly string[];
}

const kPredictNet = 'PREDICT_NET_TYPE';

/** Picks the predictor called `exportName` (the only one, if not given) out of a MetaNetDef. */
export function selectPredictor(
  meta: MetaNetDef,
  tensors: ReadonlyMap<string, Tensor>,
  exportName: string | undefined,
  where: Where,
): ExportedPredictor {
  const suffix = chooseSuffix(meta, exportName, where);
  const findNet = (key: string): NetDef | undefined => meta.nets.find((net) => net.key === key + suffix)?.value;
  const findBlobs = (key: string): readonly string[] =>
    meta.blobs.find((blobs) => blobs.key === key + suffix)?.values ?? [];
  const predict = findNet(kPredictNet);
  if (predict === undefined) return fail('internal', 'the chosen predictor has no net', { where });
  const inits = [findNet('GLOBAL_INIT_NET_TYPE'), findNet('PREDICT_INIT_NET_TYPE')];
  return {
    predict,
    inits: inits.filter((net) => net !== undefined).map((net) => withoutLoads(net, tensors, where)),
    inputs: findBlobs('INPUTS_BLOB_TYPE'),
    outputs: findBlobs('OUTPUTS_BLOB_TYPE'),
    parameters: findBlobs('PARAMETERS_BLOB_TYPE'),
  };
}

/** `''` or `_name`: what follows the key words of the wanted predictor. */
function chooseSuffix(meta: MetaNetDef, exportName: string | undefined, where: Where): string {
  const suffixes = meta.nets
    .map(({ key }) => key)
    .filter((key) => key === kPredictNet || key.startsWith(`${kPredictNet}_`))
    .map((key) => key.slice(kPredictNet.length));
  const wanted = exportName === undefined || exportName === '' ? undefined : `_${exportName}`;
  const found = suffixes.filter((suffix) => wanted === undefined || suffix === wanted);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = suffixes.map((suffix) => `'${suffix.slice(1)}'`).join(', ');
  if (suffixes.length === 0) return fail('invalid-model', `the MetaNetDef has no ${kPredictNet}`, { where });
  return fail('bad-option', 'the file does not say which of its predictors is meant', {
    where,
    expected: `the name of one of ${names}`,
    got: exportName === undefined ? 'none' : `'${exportName}'`,
  });
}

/** The net without its Load operators; each of their outputs must be among the tensors. */
function withoutLoads(net: NetDef, tensors: ReadonlyMap<string, Tensor>, where: Where): NetDef {
  for (const [index, op] of net.ops.entries()) if (op.type === 'Load') checkLoad(op, index, tensors, where);
  return { ...net, ops: net.ops.filter((op) => op.type !== 'Load') };
}

function checkLoad(op: OperatorDef, index: number, tensors: ReadonlyMap<string, Tensor>, where: Where): void {
  const place = { ...where, opIndex: String(index), opType: 'Load' };
  const renames = op.args.find(isRename);
  if (renames !== undefined) {
    fail('unsupported', `a Load that renames blobs (${renames.name ?? ''})`, { where: place });
  }
  const missing = op.outputs.filter((blob) => !tensors.has(blob));
  if (missing.length > 0) {
    fail('invalid-model', 'parameters are missing in the database', { where: place, got: `no ${missing.join(', ')}` });
  }
}

function isRename(arg: Argument): boolean {
  switch (arg.name) {
    case 'source_blob_names':
      return arg.strings.length > 0;
    case 'add_prefix':
    case 'strip_prefix':
      return arg.s !== undefined && arg.s.length > 0;
    default:
      return false;
  }
}
