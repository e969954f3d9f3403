// Compares an inferred type with the one a value carries. They agree when dtype and shapes do, up to the names of sizes
// that the node itself makes (a count known only at run time). Layouts and quantization are not compared: the one is the planner's business, the other says
// what the numbers mean and is lost where a pass makes a constant.

import { asSymbol, type Dim, dimEquals, dimSubstitute, dimSymbol, type Shape } from '../ir/dim.js';
import type { TensorType } from '../ir/type.js';

/** Names of the sizes that one node makes, with what each is called in the value's type once that is known. */
export type FreshSizes = Map<string, Dim | undefined>;

/** True when the value's type agrees; binds fresh sizes on the way, so call it for all outputs with one map. */
export function matchTypes(inferred: TensorType, own: TensorType, fresh: FreshSizes): boolean {
  if (inferred.dtype !== own.dtype) return false;
  const wanted = inferred.variants ?? [inferred.shape];
  const given = own.variants ?? [own.shape];
  return wanted.length === given.length && wanted.every((shape, i) => matchShapes(shape, given[i] ?? [], fresh));
}

function matchShapes(inferred: Shape, own: Shape, fresh: FreshSizes): boolean {
  return inferred.length === own.length && inferred.every((dim, i) => matchDims(dim, own[i] ?? -1, fresh));
}

function matchDims(inferred: Dim, own: Dim, fresh: FreshSizes): boolean {
  const symbol = asSymbol(inferred);
  if (symbol !== undefined && fresh.has(symbol.name) && fresh.get(symbol.name) === undefined) {
    const name = asSymbol(own);
    if (name === undefined || name.min !== symbol.min || name.max !== symbol.max) return false;
    fresh.set(symbol.name, own);
    return true;
  }
  const renamed = dimSubstitute(inferred, ({ name, min, max }) => fresh.get(name) ?? dimSymbol(name, min, max));
  return dimEquals(renamed, own);
}
