// Caffe2's messages as plain, readonly types. An absent optional field is an absent property, never a default: Caffe2's
// argument look-up is typed, so "no i" and "i = 0" differ. Lists are always there; numeric ones are typed arrays, exact
// (ints are 64 bits). Names and numbers of the fields are in schema.ts.

export interface DeviceOption {
  readonly deviceType?: number;
  readonly deviceId?: number;
  readonly randomSeed?: number;
  readonly nodeName?: string;
  readonly numaNodeId?: number;
  readonly extraInfo: readonly string[];
}

export interface Argument {
  readonly name?: string;
  readonly f?: number;
  readonly i?: bigint;
  readonly s?: Uint8Array;
  readonly floats: Float32Array;
  readonly ints: BigInt64Array;
  readonly strings: readonly Uint8Array[];
  readonly n?: NetDef;
  readonly nets: readonly NetDef[];
  readonly t?: TensorProto;
  readonly tensors: readonly TensorProto[];
  readonly qtensors: readonly QTensorProto[];
}

export interface OperatorDef {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly type?: string;
  readonly args: readonly Argument[];
  /** Present and empty means CPU; absent means the net's. */
  readonly deviceOption?: DeviceOption;
  readonly engine?: string;
  readonly controlInputs: readonly string[];
  readonly isGradientOp?: boolean;
  readonly debugInfo?: string;
  readonly domain?: string;
  readonly opVersion?: bigint;
}

export interface NetDef {
  readonly name?: string;
  readonly ops: readonly OperatorDef[];
  /** Absent or empty means "simple". */
  readonly type?: string;
  readonly numWorkers?: number;
  readonly deviceOption?: DeviceOption;
  readonly args: readonly Argument[];
  readonly externalInputs: readonly string[];
  readonly externalOutputs: readonly string[];
}

/** Elements [begin, end) of the flattened tensor. */
export interface TensorSegment {
  readonly begin: bigint;
  readonly end: bigint;
}

/** A tensor as stored; tensor-proto.ts turns it into a host tensor. */
export interface TensorProto {
  readonly dims: BigInt64Array;
  /** Number of TensorProto.DataType; absent means FLOAT. */
  readonly dataType?: number;
  readonly floatData: Float32Array;
  readonly int32Data: Int32Array;
  readonly byteData?: Uint8Array;
  readonly stringData: readonly Uint8Array[];
  readonly name?: string;
  readonly deviceDetail?: DeviceOption;
  readonly doubleData: Float64Array;
  readonly int64Data: BigInt64Array;
  readonly segment?: TensorSegment;
  readonly rawData?: Uint8Array;
  /** Meaning of rawData: 0 little-endian elements, 1 bfloat16. */
  readonly dataFormat?: number;
}

export interface QTensorProto {
  readonly dims: BigInt64Array;
  readonly precision: number;
  readonly scale: number;
  readonly bias: number;
  readonly isSigned: boolean;
  readonly data: Int32Array;
  readonly name?: string;
  readonly dataType?: number;
  readonly scales: Float64Array;
  readonly biases: Float64Array;
  readonly axis?: number;
  readonly isMultiparam?: boolean;
}

export interface TensorProtos {
  readonly protos: readonly TensorProto[];
}

export interface BlobProto {
  readonly name?: string;
  readonly type?: string;
  readonly tensor?: TensorProto;
  readonly content?: Uint8Array;
  readonly qtensor?: QTensorProto;
  readonly contentNumChunks?: number;
  readonly contentChunkId?: number;
}

export interface BlobsMap {
  readonly key: string;
  readonly values: readonly string[];
}

export interface NetsMap {
  readonly key: string;
  readonly value: NetDef;
}

export interface ModelInfo {
  readonly project?: string;
  readonly modelClass?: string;
  readonly version?: string;
  readonly predictorType?: string;
  readonly modelId?: string;
}

export interface MetaNetDef {
  readonly blobs: readonly BlobsMap[];
  readonly nets: readonly NetsMap[];
  readonly modelInfo?: ModelInfo;
}

const kNoFloats = new Float32Array(0);
const kNoInts = new BigInt64Array(0);

/** An argument with the given fields, all lists empty otherwise. */
export function makeArgument(fields: Partial<Argument> & { readonly name: string }): Argument {
  const lists = { floats: kNoFloats, ints: kNoInts, strings: [], nets: [], tensors: [], qtensors: [] };
  return { ...lists, ...fields };
}

/** An operator with the given fields, all lists empty otherwise. */
export function makeOperator(fields: Partial<OperatorDef> & { readonly type: string }): OperatorDef {
  return { inputs: [], outputs: [], args: [], controlInputs: [], ...fields };
}

/** A net with the given fields, all lists empty otherwise. */
export function makeNet(fields: Partial<NetDef>): NetDef {
  return { ops: [], args: [], externalInputs: [], externalOutputs: [], ...fields };
}
