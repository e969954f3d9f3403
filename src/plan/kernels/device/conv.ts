// Convolutions and fully connected layers on the device: implicit matrix products over images, channels last, with weights
// packed at compile time and bias and fused tail in the epilogue. A fully connected layer is the convolution of 1×1 images.

import { fail } from '../../../errors.js';
import type { Dim } from '../../../ir/dim.js';
import { dimMax } from '../../../ir/dim.js';
import { epilogueOperands } from '../../../ir/graph.js';
import { makeTensor } from '../../../ir/tensor.js';
import { operandAccess } from '../../../ops/functor.js';
import { biasedFunctor, extentArg, inputArg, kFunctorArg, outputArg } from '../../../ops/kernel-arguments.js';
import type { KernelCall, KernelConfig, KernelRequest } from '../../../ops/kernel-call.js';
import { packOnce } from '../../pack-once.js';
import { convShape } from '../conv.js';
import { constantFeatures } from '../gemm.js';
import { type Form, inputType, type Kernel, kPlainForm, outputType } from '../kernel.js';
import { chooseGemmTile, type GemmTile } from './gemm-tile.js';
import { kImageForm, storedChannels } from './image.js';
import { packDeviceConv, packDeviceTranspose } from './pack-conv.js';

/** Per-channel operands are read in packs of so many. */
const kPack = 8;

export const kConvDeviceKernels: readonly Kernel[] = [
  {
    name: 'conv2d_gemm',
    op: 'Conv',
    form: (request) => (convShape(request) === undefined ? undefined : kImageForm),
    lower: (request) => lowerConv(request, false),
  },
  {
    name: 'conv2d_transpose_gemm',
    op: 'ConvTranspose',
    form: transposeForm,
    lower: (request) => lowerConv(request, true),
  },
  {
    name: 'fc_gemm',
    op: 'FC',
    form: (request) => (fitsFc(request) ? { ...kPlainForm, demand: true } : undefined),
    lower: lowerFc,
  },
];

function transposeForm(request: KernelRequest): Form | undefined {
  const shape = convShape(request);
  const fits = shape !== undefined && shape.groups === 1 && shape.padTop >= 0 && shape.padLeft >= 0;
  return fits ? kImageForm : undefined;
}

/** Fields of Conv2dShape of runtime/cuda, in its order. */
type ConvFields = readonly (readonly [name: string, value: number])[];

function lowerConv(request: KernelRequest, isTransposed: boolean): KernelCall {
  const { node } = request;
  const shape = convShape(request) ?? fail('internal', 'a convolution lost its shape');
  const stored = storedChannels(inputType(node, 0));
  const written = storedChannels(outputType(node));
  const read = shape.groups === 1 ? stored : shape.inChannels / shape.groups;
  const fields: ConvFields = [
    ['in_channels', shape.inChannels],
    ['in_height', shape.inHeight],
    ['in_width', shape.inWidth],
    ['out_channels', shape.outChannels],
    ['out_height', shape.outHeight],
    ['out_width', shape.outWidth],
    ['kernel_h', shape.kernelH],
    ['kernel_w', shape.kernelW],
    ['stride_h', shape.strideH],
    ['stride_w', shape.strideW],
    ['pad_top', shape.padTop],
    ['pad_left', shape.padLeft],
    ['dilation_h', shape.dilationH],
    ['dilation_w', shape.dilationW],
    ['groups', shape.groups],
    ['x_read', read],
    ['x_stored', stored],
    ['y_written', written],
    ['y_stored', written],
  ];
  const pack = isTransposed ? packDeviceTranspose : packDeviceConv;
  const weights = constantFloats(request, 1);
  const packed = packOnce(weights, [isTransposed ? 'device-transpose' : 'device', read], () =>
    pack(weights, shape, read, kPack / 2),
  );
  const n = inputType(node, 0).shape[0] ?? 1;
  const phases = isTransposed ? shape.strideH * shape.strideW : 1;
  const tile = chooseGemmTile({
    pixels: dimMax(n) * Math.ceil((shape.outHeight * shape.outWidth) / phases),
    channels: shape.outChannels / shape.groups,
    sums: shape.kernelH * shape.kernelW * read,
    repeats: shape.groups * phases,
    multiprocessors: request.target.device?.multiprocessors ?? 1,
  });
  return productCall(request, isTransposed ? 'conv2d_transpose_gemm' : 'conv2d_gemm', n, fields, tile, packed);
}

function productCall(
  request: KernelRequest,
  fn: string,
  n: Dim,
  fields: ConvFields,
  tile: GemmTile,
  packed: Float32Array,
): KernelCall {
  const { functor, packs = [] } = biasedFunctor(request, 2, kPack, 1);
  return {
    header: 'cortado_cuda/conv2d_gemm.h',
    fn,
    config: { type: 'Conv2dShape', fields },
    template: [{ kind: 'config' }, { kind: 'config', config: tileConfig(tile) }, { kind: 'type', cpp: 'FloatMath' }],
    args: [
      extentArg(n),
      inputArg(0),
      { kind: 'packed', index: 0 },
      outputArg(),
      kFunctorArg,
      { kind: 'null' },
      { kind: 'null' },
    ],
    packs: [makeTensor('f32', [packed.length], packed), ...packs],
    ...(functor === undefined ? {} : { functor }),
    parts: 1,
  };
}

function tileConfig(tile: GemmTile): KernelConfig {
  return {
    type: 'GemmTile',
    fields: [
      ['rows', tile.rows],
      ['cols', tile.cols],
      ['k_bytes', tile.kBytes],
      ['stages', tile.stages],
      ['warps_m', tile.warpsM],
      ['warps_n', tile.warpsN],
      ['splits', tile.splits],
    ],
  };
}

/** Row-major results have no padding between rows, which a fused operand's offset counts with. */
function fitsFc(request: KernelRequest): boolean {
  const sizes = constantFeatures(request);
  if (sizes === undefined) return false;
  const { shape } = outputType(request.node);
  const hasImageOperand = epilogueOperands(request.node).some(
    (value) => operandAccess(value.type.shape, shape) === 'full',
  );
  return !hasImageOperand || sizes.outFeatures % kPack === 0;
}

function lowerFc(request: KernelRequest): KernelCall {
  const { inFeatures, outFeatures } = constantFeatures(request) ?? fail('internal', 'an FC lost its sizes');
  const n = inputType(request.node, 0).shape[0] ?? 1;
  const ones = ['in_height', 'in_width'].map((name): readonly [string, number] => [name, 1]);
  const others = ['out_height', 'out_width', 'kernel_h', 'kernel_w', 'stride_h', 'stride_w'];
  const fields: ConvFields = [
    ['in_channels', inFeatures],
    ...ones,
    ['out_channels', outFeatures],
    ...others.map((name): readonly [string, number] => [name, 1]),
    ['pad_top', 0],
    ['pad_left', 0],
    ['dilation_h', 1],
    ['dilation_w', 1],
    ['groups', 1],
    ['x_read', inFeatures],
    ['x_stored', inFeatures],
    ['y_written', outFeatures],
    ['y_stored', outFeatures],
  ];
  const weights = constantFloats(request, 1);
  const geometry = { inChannels: inFeatures, outChannels: outFeatures, kernelH: 1, kernelW: 1, groups: 1 };
  const packed = packOnce(weights, ['device-fc'], () => packDeviceConv(weights, geometry, inFeatures, kPack / 2));
  const tile = chooseGemmTile({
    pixels: dimMax(n),
    channels: outFeatures,
    sums: inFeatures,
    repeats: 1,
    multiprocessors: request.target.device?.multiprocessors ?? 1,
  });
  return productCall(request, 'conv2d_gemm', n, fields, tile, packed);
}

function constantFloats(request: KernelRequest, input: number): Float32Array {
  const tensor = request.constant(request.node.inputs[input]);
  if (tensor === undefined || !(tensor.data instanceof Float32Array))
    return fail('internal', 'weights are not constant floats');
  return tensor.data;
}
