// When the sizes of an output are known: a step says so as early as possible, before anything is written to the output
// where that can be, so that results go straight to the caller's buffer.

import { fail } from '../errors.js';
import { type DimSymbol, dimSymbols } from '../ir/dim.js';
import type { Graph, Value } from '../ir/graph.js';
import type { Step } from './program.js';
import type { Storage } from './storage.js';

/** Inserts a 'shape' step for each output as soon as all its sizes are known; `known` are the symbols known at first. */
export function withOutputShapes(
  steps: readonly Step[],
  graph: Graph,
  storage: Storage,
  known: Set<string>,
): readonly Step[] {
  const waiting = new Set(graph.outputs.map((_, i) => i));
  const result: Step[] = [];
  const settle = (): void => {
    for (const i of [...waiting]) {
      const value = graph.outputs[i]?.value;
      if (value === undefined) continue;
      const shapes = value.type.variants ?? [value.type.shape];
      const variant = value.type.variants === undefined ? undefined : variantSymbol(variantOwner(value, storage)).name;
      const sizes = shapes.flat().flatMap((dim) => dimSymbols(dim).map(({ name }) => name));
      const needed = [...sizes, ...(variant === undefined ? [] : [variant])];
      if (!needed.every((name) => known.has(name))) continue;
      waiting.delete(i);
      const isUnwritten = !result.some((step) => writesOutput(step, i));
      result.push({ kind: 'shape', output: i, shapes, isUnwritten, ...(variant === undefined ? {} : { variant }) });
    }
  };
  settle();
  for (const step of steps) {
    result.push(step);
    for (const name of symbolsMade(step)) known.add(name);
    settle();
  }
  if (waiting.size > 0) fail('internal', 'the sizes of an output are never known');
  return result;
}

/** The If output that a value of varying rank comes from. */
function variantOwner(value: Value, storage: Storage): Value {
  const root = storage.rootOf(value);
  return root.type.variants === undefined ? value : root;
}

/** Which of its shapes a value of varying rank has taken. */
export function variantSymbol(value: Value): DimSymbol {
  return {
    kind: 'symbol',
    name: `${value.name}.variant`,
    min: 0,
    max: Math.max(1, (value.type.variants?.length ?? 1) - 1),
  };
}

function writesOutput(step: Step, output: number): boolean {
  if (step.kind === 'if') return [...step.yes, ...step.no].some((inner) => writesOutput(inner, output));
  if (step.kind === 'loop') return step.body.some((inner) => writesOutput(inner, output));
  if (step.kind !== 'kernel') return false;
  return step.outputs.some((operand) => operand?.place.kind === 'output' && operand.place.index === output);
}

function symbolsMade(step: Step): readonly string[] {
  switch (step.kind) {
    case 'bind':
      return [step.symbol];
    case 'if':
      return [...step.yes, ...step.no].flatMap(symbolsMade);
    case 'kernel':
      return step.call.args.flatMap((arg) => (arg.kind === 'store-extent' ? [arg.symbol.name] : []));
    // What a loop carries keeps its sizes; sizes found in its body mean nothing outside.
    case 'loop':
    case 'shape':
      return [];
  }
}
