// The portable kernel of every operator against its reference, on the operator's own examples: one C++ program with a
// call for each example, spelled from the KernelCall data, compiled with warnings as errors and run once. Covers calls
// that need no functor and no packed weights; those are tested through whole nets.

import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dimEvaluate, dimSymbols } from '../../src/ir/dim.js';
import { dtypeCpp, dtypeSizeBytes } from '../../src/ir/dtype.js';
import { cppLiteral } from '../../src/ir/expr-to-cpp.js';
import type { Node, Value } from '../../src/ir/graph.js';
import { elementCount, getNumber, type NumericTensor, tensorFromNumbers } from '../../src/ir/tensor.js';
import { maxStoredElements, tensorType } from '../../src/ir/type.js';
import { GraphBuilder, numeric } from '../../src/ops/builder.js';
import { allOps, type Example, kDefaultTolerance, type OpDef } from '../../src/ops/index.js';
import { runNode } from '../../src/ops/interpret.js';
import type { KernelArg, KernelCall, StructValue } from '../../src/ops/kernel-call.js';

const kTarget = { vectorFloats: 8, vectorRegisters: 16, fma: true, l1Bytes: 32768, l2Bytes: 1 << 20, threads: 3 };
/** Examples are dense; these read or write the blocked layout. */
const kBlockedOps: ReadonlySet<string> = new Set(['ToBlocked', 'ToPlain']);
const kRuntime = new URL('../../../runtime/include', import.meta.url).pathname;

interface Case {
  readonly name: string;
  readonly def: OpDef;
  readonly node: Node;
  readonly call: KernelCall;
  readonly inputs: readonly (NumericTensor | undefined)[];
  readonly wanted: readonly NumericTensor[];
}

/** Deterministic numbers in [low, high), on a grid that float32 holds exactly. */
function makeInput(spec: Example['inputs'][number], seed: number): NumericTensor | undefined {
  if (spec === undefined) return undefined;
  const dtype = spec.dtype === 'str' || spec.dtype === undefined ? 'f32' : spec.dtype;
  const [low, high] = spec.range ?? [-1, 1];
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return low + (Math.floor((state / 2 ** 32) * 256) / 256) * (high - low);
  };
  const values = spec.values ?? Array.from({ length: elementCount(spec.dims) }, next);
  return tensorFromNumbers(dtype, spec.dims, dtype.startsWith('f') ? values : values.map(Math.trunc));
}

function makeCases(): readonly Case[] {
  return allOps().flatMap((def) =>
    def.lower === undefined || kBlockedOps.has(def.name)
      ? []
      : def.examples.flatMap((example, i) => makeCase(def, example, i)),
  );
}

function makeCase(def: OpDef, example: Example, at: number): readonly Case[] {
  const inputs = example.inputs.map((spec, i) => makeInput(spec, 17 + i));
  const builder = new GraphBuilder('test');
  const values = inputs.map((tensor, i): Value | undefined =>
    tensor === undefined ? undefined : builder.input(`x${i}`, tensorType(tensor.dtype, tensor.dims)),
  );
  const variadic = def.outputs.some((output) => output.variadic === true);
  const outputCount = variadic ? variadicOutputs(example, def) : def.outputs.length;
  builder.emit(def.name, values, example.attrs ?? {}, { outputCount });
  const node = builder.finish([]).nodes.at(-1);
  assert(node !== undefined);
  const request = { node, target: kTarget, constant: () => undefined };
  let call: KernelCall | undefined;
  try {
    call = def.lower?.(request, node.attrs as never);
  } catch {
    return []; // Needs constants (packed weights).
  }
  if (call === undefined || call.packs !== undefined || call.functor !== undefined) return [];
  if (call.args.some(({ kind }) => kind === 'functor' || kind === 'packed')) return [];
  const find = (value: Value): NumericTensor => inputs[values.indexOf(value)] ?? assert.fail('no such input');
  const wanted = runNode(node, find).map((tensor) => numeric(tensor ?? assert.fail('an output is missing')));
  return [{ name: `${def.name} example ${at}`, def, node, call, inputs, wanted }];
}

function variadicOutputs(example: Example, def: OpDef): number {
  const parts = example.attrs?.parts;
  if (Array.isArray(parts)) return parts.length;
  const attrs = example.attrs ?? {};
  return def.name === 'CollectProposals' ? Number(attrs.maxLevel) - Number(attrs.minLevel) + 3 : 1;
}

/** Sizes that depend on data are not known to the caller; everything else is. */
function spell(argument: KernelArg, item: Case): string {
  const dim = (value: Parameters<typeof dimEvaluate>[0]): string => {
    assert(dimSymbols(value).length === 0, 'a size that depends on data is passed to the kernel that makes it');
    return `INT64_C(${dimEvaluate(value, new Map())})`;
  };
  const field = (value: StructValue): string => {
    if (typeof value === 'boolean') return String(value);
    if (typeof value === 'object' && 'float' in value) return cppLiteral(value.float, 'f32');
    return Array.isArray(value) ? `{${value.map(field).join(', ')}}` : dim(value as number);
  };
  switch (argument.kind) {
    case 'input':
      return item.inputs[argument.index] === undefined ? 'static_cast<const float*>(nullptr)' : `in${argument.index}`;
    case 'output':
      return item.node.outputs[argument.index] === undefined ? 'nullptr' : `out${argument.index}`;
    case 'scratch':
      return 'scratch(part)';
    case 'extent':
      return dim(argument.dim);
    case 'dims':
      return `Dims<${argument.shape.length}>{{${argument.shape.map(dim).join(', ')}}}`;
    case 'list':
      return `Dims<${argument.values.length}>{{${argument.values.join(', ')}}}`;
    case 'struct':
      return `${argument.type}{${argument.fields.map(([, value]) => field(value)).join(', ')}}`;
    case 'literal':
      return cppLiteral(argument.value, argument.dtype);
    case 'store-extent':
      return '&found';
    case 'null':
      return 'nullptr';
    default:
      return assert.fail(`argument kind ${argument.kind}`);
  }
}

/** Literal text of a tensor, padded so that no array is empty. */
function spellTensor(tensor: NumericTensor): string {
  const values = Array.from({ length: tensor.data.length }, (_, i) => cppLiteral(getNumber(tensor, i), tensor.dtype));
  return [...values, cppLiteral(0, tensor.dtype)].join(', ');
}

function spellCase(item: Case, at: number): string {
  const { call, node } = item;
  const template = call.template.map((argument) => {
    if (argument.kind === 'dtype') return dtypeCpp(argument.dtype);
    if (argument.kind === 'type') return argument.cpp;
    return argument.kind === 'number' || argument.kind === 'bool' ? String(argument.value) : assert.fail(argument.kind);
  });
  const parts = Math.max(1, Math.min(3, call.parts));
  const inputs = item.inputs.map((tensor, i) =>
    tensor === undefined
      ? ''
      : `[[maybe_unused]] static const ${dtypeCpp(tensor.dtype)} in${i}[] = {${spellTensor(tensor)}};`,
  );
  const outputs = node.outputs.map((value, i) => {
    const type = value?.type ?? assert.fail('no output');
    return `static ${dtypeCpp(type.dtype)} out${i}[${maxStoredElements(type) + 1}];`;
  });
  const statement = `${call.fn}${template.length === 0 ? '' : `<${template.join(', ')}>`}(part, ${call.args
    .map((argument) => spell(argument, item))
    .join(', ')});`;
  const wanted = item.wanted.map((tensor, i) => {
    const bytes = tensor.data.length * dtypeSizeBytes(tensor.dtype);
    return `  put(out${i}, ${bytes});`;
  });
  return [
    `static void case_${at}() {`,
    ...inputs.map((line) => `  ${line}`),
    ...outputs.map((line) => `  ${line}`),
    '  std::int64_t found = -1;',
    `  for (int index = 0; index < ${parts}; index++) {`,
    `    const Part part{index, ${parts}};`,
    call.fallible === true ? `    if (${statement.slice(0, -1)} != CORTADO_OK) std::exit(2);` : `    ${statement}`,
    '  }',
    '  (void)found;',
    ...wanted,
    '}',
  ].join('\n');
}

function spellProgram(cases: readonly Case[]): string {
  const headers = [...new Set(cases.map(({ call }) => call.header))].sort();
  const scratchBytes = Math.max(64, ...cases.map(({ call }) => call.scratchBytes ?? 0));
  return [
    '#include <cstdio>',
    '#include <cstdlib>',
    '#include "cortado/dims.h"',
    '#include "cortado/cortado.h"',
    ...headers.map((header) => `#include "${header}"`),
    'using namespace cortado;',
    `alignas(64) static float memory[3][${Math.ceil(scratchBytes / 4)}];`,
    '[[maybe_unused]] static void* scratch(Part part) { return memory[part.index]; }',
    'static void put(const void* data, std::size_t bytes) { std::fwrite(data, 1, bytes, stdout); }',
    ...cases.map(spellCase),
    'int main() {',
    ...cases.map((_, at) => `  case_${at}();`),
    '}',
  ].join('\n');
}

function compareTensors(item: Case, bytes: Buffer, from: number): number {
  let at = from;
  item.wanted.forEach((tensor, k) => {
    const { dtype } = tensor;
    const size = dtypeSizeBytes(dtype);
    const tolerance = item.def.tolerance ?? kDefaultTolerance;
    for (let i = 0; i < tensor.data.length; i++) {
      const want = getNumber(tensor, i);
      const got = readNumber(bytes, at + i * size, dtype);
      const limit = dtype.startsWith('f') ? tolerance.absolute + tolerance.relative * 4 * Math.abs(want) : 0;
      assert(
        Object.is(got, want) || Math.abs(got - want) <= limit,
        `${item.name}: output ${k}[${i}] is ${got}, not ${want}`,
      );
    }
    at += tensor.data.length * size;
  });
  return at;
}

function readNumber(bytes: Buffer, at: number, dtype: NumericTensor['dtype']): number {
  switch (dtype) {
    case 'f32':
      return bytes.readFloatLE(at);
    case 'f64':
      return bytes.readDoubleLE(at);
    case 'i32':
      return bytes.readInt32LE(at);
    case 'i64':
      return Number(bytes.readBigInt64LE(at));
    default:
      return bytes.readUInt8(at);
  }
}

describe('portable kernels against their references', function () {
  this.timeout(300_000);

  it('give the same values on every example', () => {
    const cases = makeCases();
    const folder = mkdtempSync(join(tmpdir(), 'cortado-kernels-'));
    try {
      writeFileSync(join(folder, 'kernels.cc'), spellProgram(cases));
      const flags = ['-std=c++17', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-psabi', '-fsanitize=address,undefined'];
      execFileSync('g++', [...flags, `-I${kRuntime}`, 'kernels.cc', '-o', 'kernels'], { cwd: folder, stdio: 'pipe' });
      const output = execFileSync(join(folder, 'kernels'), { maxBuffer: 1 << 28 });
      const end = cases.reduce((at, item) => compareTensors(item, output, at), 0);
      assert.equal(end, output.length);
      assert(cases.length > 20, `only ${cases.length} examples have a kernel to test`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
