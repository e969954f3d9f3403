// Loops in order. A loop variable (an output of the Loop) is one buffer: the body's input and the body's result are the
// same bytes wherever the result can be made there after the last read of the old value; otherwise the result is copied at
// the end of an iteration. All variables change at once: results that are other variables' old values go through
// temporaries.

import { fail } from '../errors.js';
import { consumers, countUses, type Graph, type Node, presentInputs, producers, type Value } from '../ir/graph.js';
import { type CopyItem, flatten, type Item, readsOfItem, writesOfItem } from './items.js';
import type { Storage } from './storage.js';
import { concatPieces, viewsOf } from './views.js';

/** What the copies of a loop need of the linearizer. */
export interface LoopPlace {
  readonly storage: Storage;
  readonly useViews: boolean;
  /** Roots whose memory is not ours to write: inputs and constants. */
  readonly fixed: ReadonlySet<Value>;
  copy(from: Value, to: Value): CopyItem;
}

export function loopVariables(node: Node): readonly Value[] {
  return node.outputs.map((value) => value ?? fail('internal', 'a loop has lost a variable'));
}

export function loopBody(node: Node): Graph {
  return node.regions?.[0]?.graph ?? fail('internal', 'a loop without body');
}

/** Puts the initial values into the variables: by making them there when nobody else reads them, else by copies. */
export function initializeVariables(node: Node, graph: Graph, place: LoopPlace): readonly Item[] {
  const { storage } = place;
  const uses = countUses(graph);
  const made = producers(graph);
  return loopVariables(node).flatMap((variable, i): readonly Item[] => {
    const initial = node.inputs[i + 1] ?? fail('internal', `loop variable ${variable.name} has no initial value`);
    const maker = made.get(initial);
    const isOwn = maker !== undefined && viewsOf(maker) === undefined && uses.get(initial) === 1;
    if (place.useViews && isOwn && storage.rootOf(initial) === initial) {
      storage.embed(initial, variable, 0);
      return [];
    }
    return [place.copy(initial, variable)];
  });
}

/** Ends an iteration: what brings the body's results into the variables. */
export function carryOver(node: Node, items: readonly Item[], place: LoopPlace): readonly Item[] {
  const { storage } = place;
  const variables = loopVariables(node);
  const results = loopBody(node).outputs.map((output) => output.value);
  const isThere = (i: number): boolean => {
    const [from, to] = [
      storage.locate(results[i] ?? fail('internal', 'no result')),
      storage.locate(variables[i] ?? fail('internal', 'no variable')),
    ];
    return from.root === to.root && from.offsetBytes === to.offsetBytes;
  };
  results.forEach((result, i) => {
    const variable = variables[i];
    if (variable === undefined || !place.useViews || isThere(i)) return;
    const isVariable = variables.some((other) => storage.rootOf(other) === storage.rootOf(result));
    if (!isVariable && canMakeIn(variable, result, results, items, place))
      storage.embed(storage.rootOf(result), variable, 0);
  });
  const roots = new Set(variables.map((variable) => storage.rootOf(variable)));
  const early: Item[] = [];
  const moves = results.flatMap((result, i): readonly (readonly [Value, Value])[] => {
    const variable = variables[i];
    if (variable === undefined || isThere(i)) return [];
    if (!roots.has(storage.rootOf(result))) return [[result, variable]];
    const kept: Value = { name: `${variable.name}:next`, type: variable.type };
    early.push(place.copy(result, kept));
    return [[kept, variable]];
  });
  return [...early, ...moves.map(([from, to]) => place.copy(from, to))];
}

/** True when the body first writes the result after everything that touches the variable's old value. */
function canMakeIn(
  variable: Value,
  result: Value,
  results: readonly Value[],
  items: readonly Item[],
  { storage, fixed }: LoopPlace,
): boolean {
  const root = storage.rootOf(result);
  const target = storage.rootOf(variable);
  if (root === target || fixed.has(root) || !storage.fills(result) || root.type.variants !== undefined) return false;
  if (results.some((other) => storage.rootOf(other) === target)) return false;
  const flat = flatten(items);
  const touches = (values: readonly Value[], wanted: Value): boolean =>
    values.some((value) => storage.rootOf(value) === wanted);
  const made = flat.filter((item) => touches(writesOfItem(item), root)).map((item) => item.at);
  const old = flat
    .filter((item) => touches([...readsOfItem(item), ...writesOfItem(item)], target))
    .map((item) => item.at);
  return made.length > 0 && Math.max(-1, ...old) < Math.min(...made);
}

/** True for nodes whose result may be their first input, changed (canOverwrite). */
export function overwritesInput(node: Node): boolean {
  return node.op === 'WriteRows';
}

/**
 * True when WriteRows may overwrite its first input: nobody reads that afterwards or through a view, and its memory
 * belongs to this graph. `carried` are the inputs of loop bodies that are variables.
 */
export function canOverwrite(node: Node, graph: Graph, carried: ReadonlySet<Value>, place: LoopPlace): boolean {
  const [x, values] = node.inputs;
  if (x === undefined || values === undefined || !place.useViews) return false;
  const { storage } = place;
  const maker = producers(graph).get(x);
  const isOurs = maker === undefined ? carried.has(x) : viewsOf(maker) === undefined;
  const root = storage.rootOf(x);
  if (!isOurs || place.fixed.has(root) || !storage.fills(x) || storage.rootOf(values) === root) return false;
  if (presentInputs(node).filter((value) => value === x).length > 1) return false;
  if (graph.outputs.some((output) => output.value === x)) return false;
  const position = graph.nodes.indexOf(node);
  return (consumers(graph).get(x) ?? []).every(
    (reader) =>
      reader === node ||
      (graph.nodes.indexOf(reader) < position && viewsOf(reader) === undefined && concatPieces(reader) === undefined),
  );
}
