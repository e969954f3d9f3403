// The kernel table: all rows, and the choice among them for a node.

import { fail } from '../../errors.js';
import { shapeEquals } from '../../ir/dim.js';
import { epilogueOperands, operatorInputs } from '../../ir/graph.js';
import type { TensorType } from '../../ir/type.js';
import { opDef } from '../../ops/define.js';
import type { KernelCall, KernelRequest } from '../../ops/kernel-call.js';
import { kConvKernels } from './conv.js';
import { kDataKernels } from './data-movement.js';
import { kGemmKernels } from './gemm.js';
import type { Form, Kernel } from './kernel.js';
import { elementwiseExpr, lowerMap, mapForm } from './map.js';
import { kNormalizationKernels } from './normalization.js';
import { kPoolKernels } from './pool.js';
import { kScalarKernels } from './scalar.js';
import { layerSignature, tunedKernels } from './tuned.js';

/** All rows; within one operator the first that fits wins. */
export const kKernels: readonly Kernel[] = [
  ...kScalarKernels,
  ...kConvKernels,
  ...kGemmKernels,
  ...kPoolKernels,
  ...kNormalizationKernels,
  ...kDataKernels,
];

const kByOp = new Map<string, readonly Kernel[]>();
for (const kernel of kKernels) kByOp.set(kernel.op, [...(kByOp.get(kernel.op) ?? []), kernel]);

/** Blocks of one channel are plain: on cores without vectors every form is. Data is moved by the operators' own kernels there. */
function formOf(kernel: Kernel, request: KernelRequest): Form | undefined {
  const form = kernel.form(request);
  if (form === undefined || request.target.vectorFloats > 1) return form;
  if (kDataKernels.includes(kernel)) return undefined;
  return { ...form, blockedInputs: [], blockedOutput: false };
}

interface Choice {
  readonly kernel: Kernel;
  readonly form: Form;
}

/** Rows that can compute the node, best first: what was measured, fastest first, then what the cost model prefers. */
function choices(request: KernelRequest): readonly Choice[] {
  const rows = kByOp.get(request.node.op) ?? [];
  const measured = tunedKernels(request).flatMap(({ kernel }) => rows.filter(({ name }) => name === kernel));
  return [
    ...measured.map((kernel) => ({ kernel, form: formOf(kernel, { ...request, wanted: kernel.name }) })),
    ...rows.map((kernel) => ({ kernel, form: formOf(kernel, request) })),
  ].filter((choice): choice is Choice => choice.form !== undefined);
}

/** Names of the rows that can compute the node, best first. */
export function kernelsThatFit(request: KernelRequest): readonly string[] {
  return choices(request).map(({ kernel }) => kernel.name);
}

/** The kernels that tuning may try, whatever the cost model thinks of them; none where there is no choice. */
export function tunableKernels(request: KernelRequest): readonly Kernel[] {
  const rows = (kByOp.get(request.node.op) ?? []).filter(
    (kernel) => formOf(kernel, { ...request, wanted: kernel.name }) !== undefined,
  );
  return rows.length > 1 || rows.some(({ tiles }) => tiles !== undefined) ? rows : [];
}

/** The forms in which the node can be computed, best first. */
export function formsOf(request: KernelRequest): readonly Form[] {
  const rows: (Form | undefined)[] = choices(request).map(({ form }) => form);
  if (elementwiseExpr(request.node) !== undefined) rows.push(mapForm(request));
  return rows.filter((form): form is Form => form !== undefined);
}

export type SelectedKernel = KernelCall & {
  readonly kernel: string;
  /** The name under which measurements are kept, where there is a choice. */
  readonly signature?: string;
};

/** The kernel for a node whose layouts are assigned. */
export function selectKernel(request: KernelRequest): SelectedKernel {
  const { node } = request;
  for (const { kernel, form } of choices(request)) {
    if (!matchesForm(request, form)) continue;
    const signature = tunableKernels(request).length === 0 ? {} : { signature: layerSignature(request) };
    return { ...kernel.lower(request), kernel: kernel.name, ...signature };
  }
  if (elementwiseExpr(node) !== undefined) return { ...lowerMap(request), kernel: 'map' };
  const def = opDef(node.op);
  if (!isReorder(node.op) && !node.inputs.every((value) => value === undefined || isReadable(value.type))) {
    fail('internal', `${node.op} got a blocked input without a kernel for it`);
  }
  if (def.lower === undefined) {
    return fail('unsupported', `operator ${node.op} has no compiled kernel yet`, {
      where: { opIndex: node.origin.opIndex, opType: node.origin.opType, blob: node.origin.blob },
      remedy: 'it runs in the reference interpreter only',
    });
  }
  const call = def.lower(request, node.attrs as never);
  return { ...call, kernel: call.fn };
}

/** Of what lies in the memory of a device only the sizes are asked. */
function isReadable({ layout, memory }: TensorType): boolean {
  return layout.kind === 'rowMajor' || memory === 'device';
}

function isReorder(op: string): boolean {
  return op === 'ToBlocked' || op === 'ToPlain';
}

/** The node's layouts are the form's. */
export function matchesForm(request: KernelRequest, form: Form): boolean {
  const { node } = request;
  const inputsFit = operatorInputs(node).every((value, i) => {
    const isBlocked = value !== undefined && value.type.layout.kind === 'blocked';
    return isBlocked === form.blockedInputs.includes(i);
  });
  const output = node.outputs[0];
  if (!inputsFit || (output?.type.layout.kind === 'blocked') !== form.blockedOutput) return false;
  return epilogueOperands(node).every((value) => {
    const isBlocked = value.type.layout.kind === 'blocked';
    return (
      !isBlocked || (form.blockedOutput && output !== undefined && shapeEquals(value.type.shape, output.type.shape))
    );
  });
}
