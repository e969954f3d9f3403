// The files of a model, in whatever form they come, brought to one: a predict net, init nets, tensors that are there
// already. No operator is interpreted here. A value_info.json is used only when given; findValueInfo looks for one.

import { CompileError, fail, type Problem, type Where } from '../../errors.js';
import { type ByteSource, type FileOrBytes, memorySource, whereIn, withByteSource } from '../../files/byte-source.js';
import type { Tensor } from '../../ir/tensor.js';
import { detectFormat, kFormatNames } from './detect-format.js';
import { readMetaNetDef, readNetDef, readNetDefText, readTensorProtos } from './messages.js';
import { selectPredictor } from './meta-net.js';
import { readMinidb } from './minidb.js';
import type { NetDef, TensorProtos } from './net-def.js';
import { chunkFromProto, joinChunks, type TensorChunk } from './tensor-proto.js';
import { readValueInfo, type ValueInfo } from './value-info.js';

/** Each a path or the content itself. */
export interface ModelFiles {
  /** A NetDef, or an exported predictor (minidb or MetaNetDef), which may bring its own init nets and tensors. */
  readonly predictNet: FileOrBytes;
  /** A NetDef of fill operators, or tensors by name (TensorProtos, minidb). */
  readonly initNet?: FileOrBytes;
  readonly valueInfo?: FileOrBytes;
  /** Which predictor of a file that holds several. */
  readonly exportName?: string;
}

export interface LoadedModel {
  readonly predict: NetDef;
  /** To be run in this order, before `predict`. Without Load operators as far as `tensors` has their outputs. */
  readonly inits: readonly NetDef[];
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The blob lists of an exported predictor. */
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly valueInfo?: ReadonlyMap<string, ValueInfo>;
}

type Weights = Pick<LoadedModel, 'inits' | 'tensors'>;

const kNoWeights: Weights = { inits: [], tensors: new Map() };

/** Reads all files of a model; the problems of all files are reported together. */
export function loadModelFiles(files: ModelFiles): LoadedModel {
  const problems: Problem[] = [];
  const read = <T>(origin: FileOrBytes | undefined, reader: (source: ByteSource) => T): T | undefined => {
    if (origin === undefined) return undefined;
    try {
      return withByteSource(origin, reader);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const weights = read(files.initNet, readWeights) ?? kNoWeights;
  const valueInfo = read(files.valueInfo, readValueInfo);
  const model = read(files.predictNet, (source) => readPredictor(source, weights, files.exportName));
  if (model === undefined || problems.length > 0) throw new CompileError(problems);
  return valueInfo === undefined ? model : { ...model, valueInfo };
}

function readPredictor(source: ByteSource, weights: Weights, exportName: string | undefined): LoadedModel {
  const where = whereIn(source);
  const format = detectFormat(source);
  switch (format) {
    case 'net':
      return { predict: readNetDef(source), ...weights };
    case 'net-text':
      return { predict: readNetDefText(source), ...weights };
    case 'meta-net':
      return readExport(source, weights, exportName, where);
    case 'minidb': {
      const { tensors, metaNetDef } = readMinidb(source);
      const all = { inits: weights.inits, tensors: new Map([...tensors, ...weights.tensors]) };
      if (metaNetDef !== undefined) return readExport(memorySource(metaNetDef), all, exportName, where);
      return fail('invalid-model', 'the database holds tensors only, no net', { where, expected: 'a predict net' });
    }
    case 'tensors':
    case 'value-info':
      return fail('invalid-model', 'is not a predict net', {
        where,
        expected: 'a NetDef or an exported predictor',
        got: kFormatNames[format],
      });
  }
}

function readExport(source: ByteSource, weights: Weights, exportName: string | undefined, where: Where): LoadedModel {
  const predictor = selectPredictor(readMetaNetDef(source), weights.tensors, exportName, where);
  return {
    predict: predictor.predict,
    inits: [...predictor.inits, ...weights.inits],
    tensors: weights.tensors,
    inputs: predictor.inputs,
    outputs: predictor.outputs,
  };
}

function readWeights(source: ByteSource): Weights {
  const where = whereIn(source);
  const format = detectFormat(source);
  switch (format) {
    case 'net':
      return { inits: [readNetDef(source)], tensors: new Map() };
    case 'net-text':
      return { inits: [readNetDefText(source)], tensors: new Map() };
    case 'tensors':
      return { inits: [], tensors: tensorsByName(readTensorProtos(source), where) };
    case 'minidb': {
      const { tensors, metaNetDef } = readMinidb(source);
      if (metaNetDef === undefined) return { inits: [], tensors };
      return fail('bad-option', 'is a whole exported predictor', { where, remedy: 'give it as the predict net' });
    }
    case 'meta-net':
    case 'value-info':
      return fail('invalid-model', 'is not an init net', {
        where,
        expected: 'a NetDef of fill operators or a database of tensors',
        got: kFormatNames[format],
      });
  }
}

function tensorsByName(stored: TensorProtos, where: Where): ReadonlyMap<string, Tensor> {
  const chunks = new Map<string, TensorChunk[]>();
  for (const [index, proto] of stored.protos.entries()) {
    if (proto.name === undefined) fail('invalid-model', `tensor ${index} has no name`, { where });
    const chunk = chunkFromProto(proto, { ...where, blob: proto.name });
    const known = chunks.get(proto.name);
    if (known === undefined) chunks.set(proto.name, [chunk]);
    else known.push(chunk);
  }
  return new Map([...chunks].map(([name, parts]) => [name, joinChunks(parts, { ...where, blob: name })]));
}
