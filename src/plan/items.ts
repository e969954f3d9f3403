// Items: what a graph is made of once it is put in order, numbered in order of execution. Branches and loop bodies are
// lists of their own; the numbers of a body are those of one iteration.

import { type Graph, type Node, presentInputs, presentOutputs, type Value } from '../ir/graph.js';

export interface NodeItem {
  readonly kind: 'node';
  readonly at: number;
  readonly node: Node;
  readonly graph: Graph;
}

/** `to` takes the bytes of `from`, from an offset on. */
export interface CopyItem {
  readonly kind: 'copy';
  readonly at: number;
  readonly from: Value;
  readonly to: Value;
  readonly offsetBytes: number;
}

export interface IfItem {
  readonly kind: 'if';
  readonly at: number;
  readonly node: Node;
  readonly yes: readonly Item[];
  readonly no: readonly Item[];
}

/** Outputs of the node are its variables: initialized before, read and written by the body. */
export interface LoopItem {
  readonly kind: 'loop';
  readonly at: number;
  readonly node: Node;
  readonly body: readonly Item[];
  readonly end: number;
}

export type Item = NodeItem | CopyItem | IfItem | LoopItem;

/** All items, nested ones included, in order of execution. */
export function flatten(items: readonly Item[]): readonly Item[] {
  return items.flatMap((item) => {
    if (item.kind === 'if') return [item, ...flatten(item.yes), ...flatten(item.no)];
    return item.kind === 'loop' ? [item, ...flatten(item.body)] : [item];
  });
}

/** Values that an item itself reads, nested items apart. */
export function readsOfItem(item: Item): readonly Value[] {
  switch (item.kind) {
    case 'node':
      return presentInputs(item.node);
    case 'copy':
      return [item.from];
    case 'if':
      return presentInputs(item.node).slice(0, 1);
    case 'loop':
      return [...item.node.inputs.slice(0, 1).filter((value) => value !== undefined), ...presentOutputs(item.node)];
  }
}

/** Values that an item itself writes, nested items apart. */
export function writesOfItem(item: Item): readonly Value[] {
  switch (item.kind) {
    case 'node':
      return presentOutputs(item.node);
    case 'copy':
      return [item.to];
    case 'if':
    case 'loop':
      return [];
  }
}
