// Reads the textual IR that print-graph writes. Nodes are built through GraphBuilder, so arity, attributes and types are
// checked: a written type must agree with inference. Values are defined before they are read; a region sees its own
// values only. Every problem carries file, line and column; wrong nodes are collected, a syntax error ends the reading.

import { CompileError, fail, type Problem, problemsOf } from '../errors.js';
import { isStaticShape } from '../ir/dim.js';
import type { Attrs, AttrValue, Epilogue, Graph, GraphOutput, Origin, Region, Value } from '../ir/graph.js';
import { parseExpr } from '../ir/parse-expr.js';
import { elementCount, makeTensor, setNumber, type Tensor } from '../ir/tensor.js';
import { type TensorType, typeToString } from '../ir/type.js';
import { parseAttr } from './attributes.js';
import { GraphBuilder, kNoOrigin } from './builder.js';
import { randomTensor, rememberSpelling } from './constant-spelling.js';
import { findOp } from './define.js';
import { TextReader } from './text-reader.js';

/** Reads one net; throws a CompileError with all problems. `file` is for messages. */
export function parseGraph(text: string, file = 'graph.ir'): Graph {
  const parser = new GraphParser(new TextReader(text, file));
  const graph = parser.graph();
  parser.expectEnd();
  if (parser.problems.length > 0) throw new CompileError(parser.problems);
  return graph;
}

interface Statement {
  readonly builder: GraphBuilder;
  /** Values of this net or region by name. */
  readonly values: Map<string, Value>;
  readonly outputs: GraphOutput[];
}

class GraphParser {
  readonly problems: Problem[] = [];
  private readonly usedNames = new Set<string>();

  constructor(private readonly reader: TextReader) {}

  expectEnd(): void {
    if (!this.reader.isAtEnd()) this.reader.bad('expected the end of the file');
  }

  graph(): Graph {
    const { reader } = this;
    reader.word('net');
    const scope: Statement = {
      builder: new GraphBuilder(reader.string(), this.usedNames),
      values: new Map(),
      outputs: [],
    };
    reader.symbol('{');
    while (!reader.takes('}')) this.statement(scope);
    return scope.builder.finish(scope.outputs);
  }

  private statement(scope: Statement): void {
    const { reader } = this;
    if (reader.takesWord('input')) {
      const optional = reader.takesWord('optional');
      const value = this.define(scope, this.newName(), this.typeAfterColon());
      scope.builder.adoptInput({ value, optional });
    } else if (reader.takesWord('const')) {
      this.constant(scope);
    } else if (reader.takesWord('output')) {
      const name = reader.string();
      reader.symbol('=');
      const value = this.use(scope, this.valueName());
      scope.outputs.push({ name, value });
    } else {
      this.node(scope);
    }
  }

  private constant(scope: Statement): void {
    const { reader } = this;
    const name = this.newName();
    const type = this.typeAfterColon();
    reader.symbol('=');
    const tensor = this.literal(type);
    scope.builder.adoptConstant(this.define(scope, name, type), tensor);
  }

  /** `[1,2,3]`, `random(seed, low, high)`, `splat(value)` or `omitted(hash)`: random values in place of the real ones. */
  private literal(type: TensorType): Tensor {
    const { reader } = this;
    const { dtype, shape } = type;
    if (!isStaticShape(shape)) return reader.bad(`a constant needs fixed dims, not ${typeToString(type)}`);
    const start = reader.at;
    const elements = reader.takes('[') ? reader.list(']', () => reader.token()) : undefined;
    if (elements !== undefined) return this.listed(type, shape, elements);
    const form = reader.identifier();
    reader.symbol('(');
    const args = reader.list(')', () => reader.token());
    if (dtype === 'str') return reader.bad('strings must be listed');
    const spelling = `${form}(${args.join(', ')})`;
    const [a = '', b = '', c = ''] = args;
    if (form === 'random' && args.length === 3) {
      return rememberSpelling(randomTensor(dtype, shape, Number(a), Number(b), Number(c)), spelling);
    }
    if (form === 'omitted' && args.length === 1) {
      return rememberSpelling(randomTensor(dtype, shape, Number.parseInt(a, 16), -1, 1), spelling);
    }
    if (form === 'splat' && args.length === 1) {
      return this.listed(type, shape, new Array<string>(elementCount(shape)).fill(a));
    }
    reader.at = start;
    return reader.bad('expected [values], random(seed, low, high), splat(value) or omitted(hash)');
  }

  private listed(type: TensorType, dims: readonly number[], elements: readonly string[]): Tensor {
    const { reader } = this;
    if (elements.length !== elementCount(dims)) {
      return reader.bad(`${elements.length} values for ${typeToString(type)}`);
    }
    if (type.dtype === 'str') {
      return { dtype: 'str', dims, data: elements.map((text) => Buffer.from(JSON.parse(text) as string, 'latin1')) };
    }
    const tensor = makeTensor(type.dtype, dims);
    elements.forEach((text, i) => {
      if (tensor.data instanceof BigInt64Array) {
        tensor.data[i] = /^-?\d+$/.test(text) ? BigInt(text) : reader.bad(`${text} is not an integer`);
        return;
      }
      const value = parseAttr(text);
      setNumber(tensor, i, typeof value === 'number' ? value : reader.bad(`${text} is not a number`));
    });
    return tensor;
  }

  private node(scope: Statement): void {
    const { reader } = this;
    const start = reader.at;
    const names = reader.separated(() => (reader.takes('_') ? undefined : this.newName()));
    reader.symbol('=');
    const opStart = reader.at;
    const op = reader.identifier();
    if (findOp(op) === undefined) {
      reader.at = opStart;
      reader.bad(`unknown operator ${op}`);
    }
    const inputs = this.arguments(scope);
    const attrs = this.attrs();
    const { epilogue, operands } = this.epilogue(scope);
    reader.symbol(':');
    const results = names.map((name, i) => {
      if (i > 0 && name !== undefined && names.slice(0, i).some((before) => before !== undefined)) reader.symbol(',');
      return name === undefined ? undefined : this.define(scope, name, reader.type());
    });
    const regions = reader.takes('{') ? this.regions() : undefined;
    const origin = this.origin(results[0]);
    this.placed(start, () => {
      scope.builder.emitNode(op, [...inputs, ...operands], attrs, {
        results,
        origin,
        ...(epilogue === undefined ? {} : { epilogue }),
        ...(regions === undefined ? {} : { regions }),
      });
    });
  }

  /** Runs a check; its problems get the place of the statement. */
  private placed(start: number, run: () => void): void {
    try {
      run();
    } catch (error) {
      const where = this.reader.whereOf(start);
      for (const problem of problemsOf(error)) {
        const code = problem.code === 'internal' ? 'invalid-model' : problem.code;
        this.problems.push({ ...problem, code, where: { ...problem.where, ...where } });
      }
    }
  }

  private arguments(scope: Statement): readonly (Value | undefined)[] {
    this.reader.symbol('(');
    return this.reader.list(')', () => (this.reader.takes('_') ? undefined : this.use(scope, this.valueName())));
  }

  private attrs(): Attrs {
    const { reader } = this;
    if (!reader.takes('{')) return {};
    const entries = reader.list('}', (): readonly [string, AttrValue] => {
      const name = reader.identifier();
      reader.symbol('=');
      const start = reader.at;
      return [name, this.value(start, reader.token())];
    });
    return Object.fromEntries(entries);
  }

  private value(start: number, text: string): AttrValue {
    try {
      return parseAttr(text);
    } catch (error) {
      this.reader.at = start;
      return this.reader.bad(problemsOf(error)[0]?.message ?? `bad attribute value ${text}`);
    }
  }

  private epilogue(scope: Statement): { readonly epilogue?: Epilogue; readonly operands: readonly Value[] } {
    const { reader } = this;
    if (!reader.takesWord('epilogue')) return { operands: [] };
    const start = reader.at;
    const text = reader.token();
    const operands = reader.peeks('(') ? this.arguments(scope).flatMap((value) => value ?? []) : [];
    try {
      return {
        epilogue: { expr: parseExpr(text.slice(1, -1).replaceAll(/\s/g, '')), operands: operands.length },
        operands,
      };
    } catch (error) {
      reader.at = start;
      return reader.bad(problemsOf(error)[0]?.message ?? 'bad expression');
    }
  }

  private regions(): readonly Region[] {
    const regions: Region[] = [];
    while (!this.reader.takes('}')) {
      const name = this.reader.identifier();
      this.reader.symbol(':');
      regions.push({ name, graph: this.graph() });
    }
    return regions;
  }

  /** ` #3 Conv "conv1" -> "y"` up to the end of the line. */
  private origin(first: Value | undefined): Origin {
    const clause = this.reader.takesPattern(
      /#(?<opIndex>[\w.]*)(?: (?<opType>[A-Za-z_]\w*))?(?: (?<opName>"(?:[^"\\]|\\.)*"))?(?: -> (?<blob>"(?:[^"\\]|\\.)*"))?/y,
    );
    if (clause === undefined) return kNoOrigin;
    const { opIndex = '', opType = '', opName = '""', blob } = clause;
    return {
      opIndex,
      opType,
      opName: JSON.parse(opName) as string,
      blob: blob === undefined ? (first?.name ?? '') : (JSON.parse(blob) as string),
    };
  }

  private valueName(): string {
    return this.reader.valueName();
  }

  /** A name that no value of the whole net has yet. */
  private newName(): string {
    const name = this.valueName();
    if (this.usedNames.has(name)) {
      fail('invalid-model', `value ${name} is defined twice`, { where: this.reader.whereOf(this.reader.last) });
    }
    this.usedNames.add(name);
    return name;
  }

  private typeAfterColon(): TensorType {
    this.reader.symbol(':');
    return this.reader.type();
  }

  private define(scope: Statement, name: string, type: TensorType): Value {
    const value: Value = { name, type };
    scope.values.set(name, value);
    return value;
  }

  private use(scope: Statement, name: string): Value {
    const value = scope.values.get(name);
    if (value !== undefined) return value;
    return fail('invalid-model', `value ${name} is not defined here`, { where: this.reader.whereOf(this.reader.last) });
  }
}
