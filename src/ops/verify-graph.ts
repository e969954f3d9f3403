// The verifier: what every pass and importer must leave true. Values are made once, before they are read; nodes fit their
// operator's definition; types agree with inference; regions read nothing but their inputs. Reports all problems at once.

import { CompileError, type Problem, problemsOf } from '../errors.js';
import { isStaticShape } from '../ir/dim.js';
import { countArg, exprDType, type ScalarExpr } from '../ir/expr.js';
import { epilogueOperands, type Graph, type Node, operatorInputs, presentInputs, type Value } from '../ir/graph.js';
import { type TensorType, typeToString } from '../ir/type.js';
import { completeAttrs } from './attributes.js';
import { inferEpilogue, inferNode, whereOf } from './builder.js';
import { findOp, type OpDef } from './define.js';
import { type FreshSizes, matchTypes } from './match-types.js';

/** All violations; none for a sound graph. */
export function verifyGraph(graph: Graph): readonly Problem[] {
  const verifier = new Verifier();
  verifier.graph(graph);
  return verifier.problems;
}

/** Throws a CompileError with all violations. */
export function checkGraph(graph: Graph): void {
  const problems = verifyGraph(graph);
  if (problems.length > 0) throw new CompileError(problems);
}

class Verifier {
  readonly problems: Problem[] = [];
  /** Over the whole net, regions included: no two values share a name. */
  private readonly names = new Map<string, Value>();

  graph(graph: Graph): void {
    const known = new Set<Value>();
    for (const { value } of graph.inputs) this.define(known, value);
    for (const [value, tensor] of graph.constants) {
      this.define(known, value);
      const { dtype, shape } = value.type;
      const fits = isStaticShape(shape) && shape.join() === tensor.dims.join() && dtype === tensor.dtype;
      if (!fits) {
        const got = `${tensor.dtype}[${tensor.dims.join(',')}]`;
        this.report({
          message: `constant ${value.name} is not what its type says`,
          expected: typeToString(value.type),
          got,
        });
      }
    }
    for (const node of graph.nodes) this.node(graph, node, known);
    this.outputs(graph, known);
  }

  private node(graph: Graph, node: Node, known: Set<Value>): void {
    for (const value of presentInputs(node)) {
      if (!known.has(value)) this.report({ message: `${node.op} reads ${value.name} before it is made` }, node);
    }
    const def = findOp(node.op);
    if (def === undefined) this.report({ message: `unknown operator ${node.op}` }, node);
    else {
      this.attempt(node, () => this.attributes(node, def));
      this.epilogue(node);
      this.regions(node, def);
      this.attempt(node, () => this.types(graph, node));
    }
    for (const value of node.outputs) if (value !== undefined) this.define(known, value, node);
  }

  private attributes(node: Node, def: OpDef): void {
    completeAttrs(node.op, def.attrs, node.attrs);
    for (const name of Object.keys(def.attrs)) {
      if (!(name in node.attrs)) this.report({ message: `${node.op} lacks the attribute ${name}` }, node);
    }
    const isRequired = (i: number): boolean => {
      const spec = def.outputs[Math.min(i, def.outputs.length - 1)];
      return spec?.optional !== true && spec?.variadic !== true;
    };
    node.outputs.forEach((value, i) => {
      if (value === undefined && isRequired(i)) this.report({ message: `output ${i} of ${node.op} is dropped` }, node);
    });
    if (node.outputs.length > def.outputs.length && def.outputs.at(-1)?.variadic !== true) {
      const [expected, got] = [`at most ${def.outputs.length}`, String(node.outputs.length)];
      this.report({ message: `too many outputs for ${node.op}`, expected, got }, node);
    }
  }

  private epilogue(node: Node): void {
    const { epilogue } = node;
    if (epilogue === undefined) return;
    if (epilogue.operands > node.inputs.length || epilogueOperands(node).length !== epilogue.operands) {
      this.report({ message: `the epilogue of ${node.op} lacks operands` }, node);
    }
    for (let i = 1; i <= epilogue.operands; i++) {
      if (countArg(epilogue.expr, i) === 0) {
        this.report({ message: `the epilogue of ${node.op} does not read its operand ${i}` }, node);
      }
    }
    const layout = node.outputs[0]?.type.layout.kind;
    if (layout === undefined) this.report({ message: `the epilogue of ${node.op} has no output to write` }, node);
  }

  private regions(node: Node, def: OpDef): void {
    const regions = node.regions ?? [];
    const names = def.regions ?? [];
    if (regions.map((region) => region.name).join() !== names.join()) {
      const expected = names.join(', ');
      const got = regions.map((region) => region.name).join(', ');
      this.report({ message: `the regions of ${node.op} are wrong`, expected, got }, node);
    }
    for (const { name, graph } of regions) {
      const captured = node.inputs.slice(node.inputs.length - graph.inputs.length);
      graph.inputs.forEach(({ value }, i) => {
        const outer = captured[i];
        if (outer !== undefined && matchTypes(outer.type, value.type, new Map())) return;
        const expected = outer === undefined ? 'a captured value' : typeToString(outer.type);
        const message = `input ${value.name} of region ${name} is not what it captures`;
        this.report({ message, expected, got: typeToString(value.type) }, node);
      });
      if (graph.outputs.length !== node.outputs.length) {
        const [expected, got] = [String(node.outputs.length), String(graph.outputs.length)];
        this.report({ message: `region ${name} has the wrong number of outputs`, expected, got }, node);
      }
      this.graph(graph);
    }
  }

  private types(graph: Graph, node: Node): void {
    const fresh: FreshSizes = new Map();
    const types = inferNode({
      op: node.op,
      inputs: operatorInputs(node),
      attrs: node.attrs,
      outputCount: node.outputs.length,
      origin: node.origin,
      regions: node.regions ?? [],
      constant: (value) => graph.constants.get(value),
      symbolName: (hint) => {
        const name = `?${fresh.size}.${hint}`;
        fresh.set(name, undefined);
        return name;
      },
    });
    const inferred: readonly TensorType[] = inferEpilogue(types, node.inputs, node.epilogue, node.origin);
    node.outputs.forEach((value, i) => {
      const type = inferred[i];
      if (value === undefined || (type !== undefined && matchTypes(type, value.type, fresh))) return;
      const message = `the type of ${value.name} does not agree with what ${node.op} makes`;
      const expected = type === undefined ? 'no output' : typeToString(type);
      this.report({ message, expected, got: typeToString(value.type) }, node);
    });
    this.expressions(node);
  }

  /** Mixed dtypes inside expressions show only when they are asked for. */
  private expressions(node: Node): void {
    const isExpr = (value: unknown): value is ScalarExpr =>
      typeof value === 'object' && value !== null && 'kind' in value;
    const dtypes = presentInputs(node).map((value) => value.type.dtype);
    for (const value of Object.values(node.attrs)) if (isExpr(value)) exprDType(value, dtypes);
  }

  private outputs(graph: Graph, known: ReadonlySet<Value>): void {
    const names = new Set<string>();
    for (const { name, value } of graph.outputs) {
      if (!known.has(value)) this.report({ message: `output ${name} of net ${graph.name} is never made` });
      if (names.has(name)) this.report({ message: `net ${graph.name} has two outputs ${name}` });
      names.add(name);
    }
  }

  private define(known: Set<Value>, value: Value, node?: Node): void {
    if (known.has(value)) this.report({ message: `value ${value.name} is made twice` }, node);
    const namesake = this.names.get(value.name);
    if (namesake !== undefined && namesake !== value) {
      this.report({ message: `two values are called ${value.name}` }, node);
    }
    this.names.set(value.name, value);
    known.add(value);
  }

  private attempt(node: Node, run: () => void): void {
    try {
      run();
    } catch (error) {
      for (const problem of problemsOf(error)) this.report(problem, node);
    }
  }

  private report(problem: Omit<Problem, 'code'>, node?: Node): void {
    const where = { ...(node === undefined ? {} : whereOf(node.origin)), ...problem.where };
    this.problems.push({ ...problem, code: 'internal', ...(Object.keys(where).length === 0 ? {} : { where }) });
  }
}
