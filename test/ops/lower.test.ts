// Portable kernels as the emitter spells them: the examples' calls are printed into one C++ program, each run once as a
// whole and once in three parts, with fixed sizes and (where it works) with a batch known at run time, and compared with
// the reference. Bytes behind an output must stay as they are.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callToCpp, type SharedNames } from '../../src/emit/cpp-call.js';
import { functorText } from '../../src/emit/cpp-functor.js';
import { dimSymbols } from '../../src/ir/dim.js';
import { dtypeCpp, dtypeSizeBytes } from '../../src/ir/dtype.js';
import { arg, binary, constant } from '../../src/ir/expr.js';
import { elementCount, makeTensor, type NumericTensor, type Tensor, toNumbers } from '../../src/ir/tensor.js';
import { tensorType } from '../../src/ir/type.js';
import { GraphBuilder } from '../../src/ops/builder.js';
import { kDefaultTolerance } from '../../src/ops/define.js';
import {
  type ExampleCase,
  type ExampleGraph,
  exampleCases,
  exampleGraph,
  exampleTensor,
} from '../../src/ops/example-graph.js';
import { interpret } from '../../src/ops/interpret.js';
import type { KernelCall, KernelTarget } from '../../src/ops/kernel-call.js';
import type { KernelStep, Operand } from '../../src/plan/program.js';

const kPlainTarget: KernelTarget = {
  vectorFloats: 4,
  vectorRegisters: 16,
  fma: false,
  l1Bytes: 32768,
  l2Bytes: 262144,
  threads: 4,
};

/** Made by the compiler between layouts; the row-major reference says nothing about them. */
const kSkipped = new Set(['ToBlocked', 'ToPlain']);

interface Trial {
  readonly name: string;
  readonly item: ExampleCase;
  readonly graph: ExampleGraph;
  readonly call: KernelCall;
  readonly expected: readonly NumericTensor[];
}

/** The example lowered; undefined when its operator has no portable kernel or stores sizes that depend on values. */
function trialOf(item: ExampleCase, batch: boolean): Trial | undefined {
  const { lower } = item.op;
  if (lower === undefined || kSkipped.has(item.op.name)) return undefined;
  if (item.op.outputs.some((output) => output.variadic === true)) return undefined;
  const graph = exampleGraph(item, { batch, outputCount: item.op.outputs.length });
  const call = lower({ node: graph.node, target: kPlainTarget, constant: () => undefined }, graph.node.attrs as never);
  if (call.args.some((argument) => argument.kind === 'store-extent')) return undefined;
  if (
    graph.graph.outputs.some(({ value }) =>
      value.type.shape.some((dim) => dimSymbols(dim).some((s) => s.name !== 'batch')),
    )
  ) {
    return undefined;
  }
  const outputs = interpret(graph.graph, graph.inputs);
  const expected = graph.graph.outputs.map(({ name }) => outputs.get(name) as NumericTensor);
  return { name: `${item.name}${batch ? ', batch at run time' : ''}`, item, graph, call, expected };
}

/** Conv and FC with bias, then a residual added and max(., 0): the bias comes before the fused epilogue. */
function fusedTrials(): readonly Trial[] {
  return ['Conv', 'FC'].map((name) => {
    const item = exampleCases().find(({ op }) => op.name === name);
    assert.ok(item?.op.lower !== undefined);
    const plain = exampleGraph(item);
    const result = plain.node.outputs[0];
    assert.ok(result !== undefined);
    const residual = exampleTensor({ dims: result.type.shape.map(Number) }, 9);
    const builder = new GraphBuilder('fused');
    const values = [...plain.inputs].map(([input, tensor]) =>
      builder.input(input, tensorType(tensor.dtype, tensor.dims)),
    );
    const operand = builder.input('residual', result.type);
    const expr = binary('max', binary('add', arg(0), arg(1)), constant(0));
    const y = builder.emitOne(name, [...values, operand], plain.node.attrs, { epilogue: { expr, operands: 1 } });
    const graph = builder.finish([{ name: 'out0', value: y }]);
    const node = graph.nodes[0];
    assert.ok(node !== undefined);
    const inputs = new Map([...plain.inputs, ['residual', residual]]);
    const call = item.op.lower({ node, target: kPlainTarget, constant: () => undefined }, node.attrs as never);
    const expected = [...interpret(graph, inputs).values()] as NumericTensor[];
    return { name: `${name} with a fused epilogue`, item, graph: { graph, node, inputs }, call, expected };
  });
}

function trials(): readonly Trial[] {
  return [...fusedTrials(), ...exampleTrials()];
}

function exampleTrials(): readonly Trial[] {
  return exampleCases().flatMap((item) => {
    const fixed = trialOf(item, false);
    if (fixed === undefined) return [];
    try {
      const varying = trialOf(item, true);
      return varying === undefined ? [fixed] : [fixed, varying];
    } catch {
      return [fixed];
    }
  });
}

/** Literal list of a tensor's values. */
function arrayText(name: string, tensor: Tensor): string {
  const cpp = dtypeCpp(tensor.dtype);
  const isFloat = tensor.dtype === 'f32' || tensor.dtype === 'f64';
  const values = toNumbers(tensor).map((value) =>
    isFloat ? `static_cast<${cpp}>(${literal(value)})` : `static_cast<${cpp}>(${value}LL)`,
  );
  return `alignas(64) ${cpp} ${name}[] = {${values.length === 0 ? '0' : values.join(', ')}};`;
}

function literal(value: number): string {
  if (Number.isNaN(value)) return '__builtin_nan("")';
  if (!Number.isFinite(value)) return value > 0 ? '__builtin_inf()' : '-__builtin_inf()';
  return /[.e]/.test(String(value)) ? String(value) : `${value}.0`;
}

/** One function that runs the call whole and in three parts and writes both results to stdout. */
function trialText(trial: Trial, index: number): string {
  const { call, graph, expected } = trial;
  const place = (kind: 'input' | 'output', i: number, type: Operand['type']): Operand => ({
    place: { kind, index: i, offsetBytes: 0 },
    type,
    name: `${kind}${i}`,
  });
  const step: KernelStep = {
    kind: 'kernel',
    layer: 0,
    call,
    inputs: graph.node.inputs.map((value, i) => (value === undefined ? undefined : place('input', i, value.type))),
    outputs: graph.node.outputs.map((value, i) => (value === undefined ? undefined : place('output', i, value.type))),
    packsBytes: (call.packs ?? []).map((_, i) => i),
    scratch: { part: 0, offsetBytes: 0, bytesPerPart: call.scratchBytes ?? 0 },
    parts: call.parts,
  };
  const names: SharedNames = {
    config: () => 'kConfig',
    functor: () => 'Functor',
    symbol: () => '0',
    input: String,
    output: String,
  };
  const inputs = graph.node.inputs.flatMap((value, i) => {
    const tensor = value === undefined ? undefined : graph.inputs.get(value.name);
    return tensor === undefined ? [] : [arrayText(`input${i}`, tensor), `run.inputs[${i}] = input${i};`];
  });
  const outputs = expected.flatMap((tensor, i) => {
    const bytes = dtypeSizeBytes(tensor.dtype) * elementCount(tensor.dims);
    return [`alignas(64) static unsigned char output${i}[${bytes + 64}];`, `run.outputs[${i}] = output${i};`];
  });
  const packs = (call.packs ?? []).flatMap((tensor, i) => [
    arrayText(`pack${i}`, tensor),
    `run.packs[${i}] = pack${i};`,
  ]);
  const batch = [...graph.inputs.values()][0]?.dims[0] ?? 1;
  const clear = expected.map((_, i) => `std::memset(output${i}, 0x7b, sizeof(output${i}));`);
  const write = expected.map((tensor, i) => {
    const bytes = dtypeSizeBytes(tensor.dtype) * elementCount(tensor.dims);
    return `std::fwrite(output${i}, 1, ${bytes}, stdout); guard(output${i}, ${bytes});`;
  });
  return [
    `// ${trial.name}`,
    `namespace trial${index} {`,
    call.functor === undefined ? '' : functorText(call.functor).replace('NAME', 'Functor'),
    'void run_trial() {',
    '  Run run;',
    `  run.batch = ${batch};`,
    ...[...inputs, ...outputs, ...packs].map((line) => `  ${line}`),
    `  const auto call = [&](Part part) { (void)part; ${callToCpp(step, names)}; };`,
    ...clear.map((line) => `  ${line}`),
    '  call(Part{0, 1});',
    ...write.map((line) => `  ${line}`),
    ...clear.map((line) => `  ${line}`),
    `  for (int i = 0; i < ${Math.min(3, call.parts)}; ++i) call(Part{i, ${Math.min(3, call.parts)}});`,
    ...write.map((line) => `  ${line}`),
    '}',
    `}  // namespace trial${index}`,
  ].join('\n');
}

const kPrologue = `
#include <cstdio>
#include <cstdlib>
#include <cstring>
namespace cortado {
struct Run {
  std::int64_t batch;
  void* inputs[16];
  void* outputs[16];
  void* packs[16];
  alignas(64) unsigned char memory[1 << 20];
  template <class T> const T* input(int i) { return static_cast<const T*>(inputs[i]); }
  template <class T> T* output(int i) { return static_cast<T*>(outputs[i]); }
  template <class T> const T* weight(int i) { return static_cast<const T*>(packs[i]); }
  template <class T> T* scratch(Part, int, int) { return reinterpret_cast<T*>(memory); }
  std::int64_t extent(int) { return batch; }
};
/** The 64 bytes behind an output are untouched. */
inline void guard(const unsigned char* output, std::size_t bytes) {
  for (std::size_t i = 0; i < 64; ++i) if (output[bytes + i] != 0x7b) std::abort();
}
`;

function programText(list: readonly Trial[]): string {
  const headers = [...new Set(list.map(({ call }) => call.header))].sort();
  return [
    '#include <cstdint>',
    '#include "cortado/part.h"',
    ...headers.map((header) => `#include "${header}"`),
    kPrologue,
    ...list.map(trialText),
    '}  // namespace cortado',
    'int main() {',
    ...list.map((_, i) => `  cortado::trial${i}::run_trial();`),
    '}',
  ].join('\n');
}

describe('portable kernels', function () {
  this.timeout(300_000);
  let all: readonly Trial[] = [];
  let stdout = Buffer.alloc(0);

  before(() => {
    all = trials();
    const folder = mkdtempSync(join(tmpdir(), 'cortado-lower-'));
    try {
      writeFileSync(join(folder, 'trials.cc'), programText(all));
      const flags = [
        '-std=c++17',
        '-O1',
        '-fno-exceptions',
        '-fno-rtti',
        '-Wall',
        '-Wextra',
        '-Werror',
        '-fsanitize=undefined',
        '-fno-sanitize-recover=all',
      ];
      const include = new URL('../../../runtime/include', import.meta.url).pathname;
      execFileSync('g++', [...flags, `-I${include}`, join(folder, 'trials.cc'), '-o', join(folder, 'trials'), '-lm'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      stdout = execFileSync(join(folder, 'trials'), { maxBuffer: 1 << 28 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('agree with the references, whole and in parts', () => {
    let at = 0;
    const wrong: string[] = [];
    for (const trial of all) {
      for (const how of ['whole', 'in parts']) {
        trial.expected.forEach((expected, i) => {
          const count = elementCount(expected.dims);
          const bytes = count * dtypeSizeBytes(expected.dtype);
          const got = makeTensor(expected.dtype, expected.dims);
          new Uint8Array(got.data.buffer).set(stdout.subarray(at, at + bytes));
          at += bytes;
          const problem = firstDifference(got, expected, trial.item);
          if (problem !== undefined) wrong.push(`${trial.name} ${how}, output ${i}: ${problem}`);
        });
      }
    }
    assert.equal(at, stdout.length);
    assert.deepEqual(wrong, []);
    assert.ok(all.length > 100, `${all.length} trials`);
  });
});

function firstDifference(got: NumericTensor, expected: NumericTensor, { op }: ExampleCase): string | undefined {
  const { relative, absolute } = op.tolerance ?? kDefaultTolerance;
  const wanted = toNumbers(expected);
  const at = toNumbers(got).findIndex((value, i) => {
    const want = wanted[i] ?? 0;
    if (Object.is(value, want) || value === want) return false;
    return !(Math.abs(value - want) <= absolute + relative * Math.abs(want));
  });
  return at < 0 ? undefined : `element ${at} is ${toNumbers(got)[at]}, expected ${wanted[at]}`;
}
