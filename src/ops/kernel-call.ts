// What an operator becomes in generated code: one call of a C++ kernel template of runtime/. The call is data; the
// emitter spells it. Fields of a config are positional in C++ and named in comments.

import type { Dim, DimSymbol, Shape } from '../ir/dim.js';
import type { DType } from '../ir/dtype.js';
import type { ScalarExpr } from '../ir/expr.js';
import type { Node, Value } from '../ir/graph.js';
import type { NumericTensor, Tensor } from '../ir/tensor.js';

export type ConfigValue = number | boolean | readonly number[];

/** A constexpr aggregate: `inline constexpr Pool2dShape kPool2d_1{64, 112, 112, …};`. Equal configs are emitted once. */
export interface KernelConfig {
  readonly type: string;
  readonly fields: readonly (readonly [name: string, value: ConfigValue])[];
}

export type TemplateArg =
  /** The call's own config, or a further one (a register tile). */
  | { readonly kind: 'config'; readonly config?: KernelConfig }
  | { readonly kind: 'dtype'; readonly dtype: DType }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  /** The generated functor's type (map kernels). */
  | { readonly kind: 'functor' }
  | { readonly kind: 'type'; readonly cpp: string };

export type KernelArg =
  /** Pointer to the i-th input of the node (`const T*`); null when the input is absent. */
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number }
  /** Pointer to a tensor packed at compile time (`packs[index]`). */
  | { readonly kind: 'packed'; readonly index: number }
  /** This part's scratch memory (`void*` aligned to 64 bytes). */
  | { readonly kind: 'scratch' }
  /** An image of the device with its elements per pixel, 0 for one that is repeated: `ImageOperand{at, stored}`. */
  | { readonly kind: 'image'; readonly at: KernelArg; readonly stored: number }
  /** A run-time size as std::int64_t. */
  | { readonly kind: 'extent'; readonly dim: Dim }
  /** Dims<rank>{…} of run-time sizes. */
  | { readonly kind: 'dims'; readonly shape: Shape }
  /** An aggregate filled at run time: `ConvDims{3, 64, 1, {1, 224, 224}, …}`. */
  | {
      readonly kind: 'struct';
      readonly type: string;
      readonly fields: readonly (readonly [name: string, value: StructValue])[];
    }
  | { readonly kind: 'literal'; readonly value: number; readonly dtype: DType }
  /** A constexpr array of int64: `Dims<n>{…}`; permutations, axes, pads. */
  | { readonly kind: 'list'; readonly values: readonly number[] }
  /** `std::int64_t*` where the kernel stores a size that depends on data; checked against the symbol's bound. */
  | { readonly kind: 'store-extent'; readonly symbol: DimSymbol }
  /** Words of the device that are 0 before and after each kernel that counts in them. */
  | { readonly kind: 'counters' }
  /** `nullptr`: something the kernel may be given but is not. */
  | { readonly kind: 'null' }
  /** The functor object: fused epilogue (`NoEpilogue{}` when the call has none) or the body of a map. */
  | { readonly kind: 'functor' };

/** A field of a run-time aggregate: integers and sizes as they are, floats and booleans marked, arrays nested. */
export type StructValue = Dim | boolean | { readonly float: number } | readonly StructValue[];

/** How an operand of a fused expression is read. */
export type OperandAccess =
  /** Same shape and layout as the result. */
  | 'full'
  /** One value per channel (axis 1), zero-padded to whole blocks when the result is blocked. */
  | 'channel'
  /** One value. */
  | 'scalar';

/**
 * An epilogue: argument 0 is the kernel's own value, `operands` say how arguments 1.. are read. A map's body: all
 * arguments are passed to the call, `operands` is empty.
 */
export interface FunctorSpec {
  readonly kind: 'epilogue' | 'map';
  readonly expr: ScalarExpr;
  /** dtypes of all arguments of the expression, argument 0 first. */
  readonly argTypes: readonly DType[];
  readonly operands: readonly {
    readonly access: OperandAccess;
    readonly arg: KernelArg;
    /** How its elements lie in memory, where not as its dtype says. */
    readonly storage?: 'f16';
  }[];
  /** A functor of runtime/ that means the same and that this kernel knows: printed instead of a generated one. */
  readonly known?: { readonly type: string; readonly args: readonly KernelArg[] };
}

export interface KernelCall {
  /** Header below runtime/include, such as `cortado/pool.h`. */
  readonly header: string;
  /** Function template in namespace cortado. */
  readonly fn: string;
  readonly config?: KernelConfig;
  readonly template: readonly TemplateArg[];
  readonly args: readonly KernelArg[];
  /** Tensors made at compile time for exactly the loop that reads them. */
  readonly packs?: readonly NumericTensor[];
  readonly functor?: FunctorSpec;
  /** Counters that the kernel uses; none when absent. */
  readonly counters?: number;
  /** Scratch bytes per part; 0 when absent. */
  readonly scratchBytes?: number;
  /** Most parts that the work can usefully be split into; 1: the kernel is serial. */
  readonly parts: number;
  /** True when the kernel returns a status (a fault that only values show). */
  readonly fallible?: boolean;
  /** The function launches kernels of a device: it takes a stream where others take a part. */
  readonly device?: boolean;
  /** Output 0 may use the memory of this input when that one dies here. */
  readonly inPlace?: readonly { readonly input: number; readonly output: number }[];
}

/** How a kernel is cut, by the names of its tile's fields. */
export type TileFields = { readonly [field: string]: number };

/** A kernel that was measured for a layer, with its fastest tile. */
export interface TunedKernel {
  readonly kernel: string;
  readonly tile: TileFields;
  readonly ms: number;
}

/** What was measured: the kernels of each layer, fastest first, by the layer's signature. */
export type Tuning = ReadonlyMap<string, readonly TunedKernel[]>;

/**
 * How numbers are held and multiplied between a float net's inputs and outputs, which stay float32: fp32; bf16 (activations
 * and weights of 8 significant bits, sums in float32); fp16 (11 bits, a few products at a time summed in fp16, on devices in
 * float32); tf32 on devices that have it.
 */
export const kPrecisions = ['fp32', 'bf16', 'tf32', 'fp16'] as const;
export type Precision = (typeof kPrecisions)[number];
/** Those of devices. */
export const kDevicePrecisions = ['fp32', 'tf32', 'fp16'] as const;
export type DevicePrecision = (typeof kDevicePrecisions)[number];

/** Types that blocked values are stored in. */
export type StorageDType = 'f32' | 'bf16' | 'f16';

/** How blocked values and the weights that meet them are held in a precision. */
export interface BlockedStorage {
  readonly dtype: StorageDType;
  readonly bytes: 2 | 4;
  /** Channels per block. */
  readonly block: number;
  /** Vector registers that a block fills as floats. */
  readonly blockRegisters: 1 | 2;
  /** Neighbouring lanes that one product takes: weights lie in steps of so many. */
  readonly productLanes: 1 | 2;
  /** Time of multiplying a block by a number, with that of floats as 1. */
  readonly productCost: number;
}

/**
 * bf16 are multiplied in pairs, summed in a vector of floats; halves one by one in a vector of their own, twice as many lanes as
 * floats have. Precisions of devices leave the host in float.
 */
export function blockedStorage({
  vectorFloats,
  precision,
}: Pick<KernelTarget, 'vectorFloats' | 'precision'>): BlockedStorage {
  switch (precision) {
    case 'bf16':
      return { dtype: 'bf16', bytes: 2, block: vectorFloats, blockRegisters: 1, productLanes: 2, productCost: 0.5 };
    case 'fp16':
      return { dtype: 'f16', bytes: 2, block: 2 * vectorFloats, blockRegisters: 2, productLanes: 1, productCost: 1 };
    default:
      return { dtype: 'f32', bytes: 4, block: vectorFloats, blockRegisters: 1, productLanes: 1, productCost: 1 };
  }
}

/** What a kernel may know of the target: never its name. */
export interface KernelTarget {
  /** float lanes of a vector: 4 SSE2/NEON, 8 AVX2, 16 AVX-512; 1 without SIMD. */
  readonly vectorFloats: number;
  /** Architectural vector registers. */
  readonly vectorRegisters: number;
  readonly fma: boolean;
  /** A vector times one lane of another is one instruction (NEON), so tiles hold their inputs in vectors; absent: no. */
  readonly laneMultiply?: boolean;
  /** Instructions of Winograd's transforms as a multiple of those of AVX-512, on which their cost was measured; absent: 1. */
  readonly winogradTransformCost?: number;
  /** Four products of bytes with their sum are one instruction per lane (ARM's udot); absent: no. */
  readonly byteDotProduct?: boolean;
  readonly l1Bytes: number;
  readonly l2Bytes: number;
  readonly threads: number;
  /** fp32 when absent. */
  readonly precision?: Precision;
  /**
   * Winograd convolutions, whose rounding errors are some times those of the others: wherever they are faster, with filters
   * transformed by the compiler, up to four times as large, where that is faster still (true) or for these weights only (a
   * set); nowhere (false).
   */
  readonly winograd?: boolean | ReadonlySet<Value>;
  /** Measured choices, which win over the cost model's. */
  readonly tuning?: Tuning;
  /** Set when operators may run on a device. */
  readonly device?: DeviceTarget;
}

/** A processor with memory of its own beside the host's. */
export interface DeviceTarget {
  readonly kind: 'cuda';
  /** Compute capability, 80 for 8.0. */
  readonly architecture: number;
  readonly multiprocessors: number;
  /** Most shared memory that a block can have. */
  readonly sharedBytes: number;
  /** Its code may use the tensor cores' products of warpgroups (sm_90a); false when absent. */
  readonly wgmma?: boolean;
  /** Of images and their products: tf32 rounds factors to 10 bits of fraction, fp16 halves memory, too; sums are floats in all. */
  readonly precision?: DevicePrecision;
}

/** A node to be lowered. */
export interface KernelRequest {
  readonly node: Node;
  readonly target: KernelTarget;
  /** The kernel that a measurement asks for: it answers what it can do, whatever the cost model thinks of it. */
  readonly wanted?: string;
  /** The tensor of a value known at compile time. */
  constant(value: Value | undefined): Tensor | undefined;
}
