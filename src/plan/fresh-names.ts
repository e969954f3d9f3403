// Names for values that the planner adds, different from all names of a graph and its regions.

import { type Graph, presentOutputs } from '../ir/graph.js';

export class FreshNames {
  private readonly used = new Set<string>();

  constructor(graph: Graph) {
    this.collect(graph);
  }

  /** `wanted`, or `wanted.1` and so on where that is taken. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.used.has(name); i++) name = `${wanted}.${i}`;
    this.used.add(name);
    return name;
  }

  private collect(graph: Graph): void {
    for (const { value } of graph.inputs) this.used.add(value.name);
    for (const value of graph.constants.keys()) this.used.add(value.name);
    for (const node of graph.nodes) {
      for (const value of presentOutputs(node)) this.used.add(value.name);
      for (const region of node.regions ?? []) this.collect(region.graph);
    }
  }
}
