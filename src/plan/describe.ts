// Types, tiles and fused tails in a few words, for the comments of generated code and for reports.

import { isStatic } from '../ir/dim.js';
import { exprChildren, type ScalarExpr } from '../ir/expr.js';
import type { TensorType } from '../ir/type.js';
import type { KernelCall } from '../ops/kernel-call.js';

/** `f32[1,64,56,56]` for comments: sizes that vary as `name<=max`. */
export function describeType(type: TensorType): string {
  const dims = type.shape.map((dim) => (isStatic(dim) ? String(dim) : `<=${dim.max}`));
  return `${type.dtype}[${dims.join(',')}]${describeLayout(type)}`;
}

function describeLayout({ layout }: TensorType): string {
  if (layout.kind === 'rowMajor') return '';
  return layout.pitch === undefined ? ` c${layout.block}` : ` c${layout.block} of ${layout.pitch}`;
}

/** The fields of the call's tile. */
export function describeTile({ template }: KernelCall): string {
  const configs = template.flatMap((arg) => (arg.kind === 'config' && arg.config !== undefined ? [arg.config] : []));
  const tile = configs.find(({ type }) => type.endsWith('Tile'));
  return (tile?.fields ?? []).map(([name, value]) => `${name} ${value}`).join(', ');
}

/** `+bias+max` : the operations of a fused tail, innermost first. */
export function describeEpilogue(expr: ScalarExpr): string {
  const own = 'op' in expr ? expr.op : expr.kind === 'select' ? 'select' : expr.kind === 'cast' ? `cast` : '';
  const inner = exprChildren(expr).map(describeEpilogue).join('');
  return own === '' ? inner : `${inner}+${own}`;
}
