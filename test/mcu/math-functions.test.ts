// Images bring sin, cos, pow, exp, log, tanh and roots of floats and doubles themselves: a net of them, run in an emulated
// machine on arguments of all sizes, against JavaScript's functions of doubles. runtime/test/bare_math_test.cc tries far
// more arguments on this machine.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkImage } from '../../src/build/bare-image.js';
import { readElf } from '../../src/build/elf.js';
import { loadTarget } from '../../src/build/target.js';
import { findToolchain } from '../../src/build/toolchain.js';
import { compile } from '../../src/compile.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { makeArgument, makeNet, makeOperator } from '../../src/frontend/caffe2/net-def.js';
import { getNumber, makeTensor, type NumericTensor } from '../../src/ir/tensor.js';
import { runExecutable } from '../../src/run/run-executable.js';
import { execute } from '../build/places.js';
import { needTargetTools } from '../support/need-target-tools.js';

const kFunctions: { readonly [type: string]: (x: number) => number } = {
  Sin: Math.sin,
  Cos: Math.cos,
  Exp: Math.exp,
  Log: Math.log,
  Tanh: Math.tanh,
  Sqrt: Math.sqrt,
  Floor: Math.floor,
  Ceil: Math.ceil,
};
const kExponent = -1.75;
const kMostUlps = { f32: 2, f64: 4 } as const;
const kArguments = [
  0, -0, 1, -1, 0.5, -0.3, 0.785398, 2.5, -7.75, 31.4159, 1e3, -98.6, 1e5, 1.5e9, -3e20, 2e36, 1e-3, 1e-12,
]
  .concat([1e-40, -3e-42, 1.17549435e-38, 88.7, 88.8, -103.2, -104.5, 3.4e38, 16367173 * 2 ** 72])
  .concat([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);

/** Units in the last place between a result and the exact value. */
function ulpsBetween(got: number, exact: number, isFloat: boolean): number {
  const rounded = isFloat ? Math.fround(exact) : exact;
  if (Object.is(got, rounded)) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(rounded)) return Number.POSITIVE_INFINITY;
  const [digits, smallest] = isFloat ? [23, -149] : [52, -1074];
  const exponent = Math.floor(Math.log2(Math.abs(rounded)));
  return Math.abs(got - exact) / 2 ** Math.max(rounded === 0 ? smallest : exponent - digits, smallest);
}

describe('math functions of images', function () {
  this.timeout(300_000);
  let folder = '';
  before(async function () {
    await needTargetTools(this, 'cortex-m4');
    folder = mkdtempSync(join(tmpdir(), 'cortado-math-'));
  });
  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  for (const [dtype, type] of [
    ['f32', 'float'],
    ['f64', 'double'],
  ] as const) {
    it(`of ${type}s are right to ${kMostUlps[dtype]} ulp for arguments of all sizes`, async () => {
      const exponent = makeArgument({ name: 'exponent', f: kExponent });
      const ops = Object.keys(kFunctions).map((op) => makeOperator({ type: op, inputs: ['x'], outputs: [op] }));
      ops.push(makeOperator({ type: 'Pow', inputs: ['x'], outputs: ['Pow'], args: [exponent] }));
      const names = [...Object.keys(kFunctions), 'Pow'];
      const predictNet = encodeNetDef(makeNet({ name: dtype, ops, externalInputs: ['x'], externalOutputs: names }));
      const inputs = [`x:${type}:${kArguments.length}`];
      const outputFolder = join(folder, dtype);
      const { build, target } = await compile({ predictNet, inputs, target: 'cortex-m4', outputFolder });
      const executable = build.executable ?? assert.fail('no image');
      const data = dtype === 'f32' ? Float32Array.from(kArguments) : Float64Array.from(kArguments);
      const x = makeTensor(dtype, [kArguments.length], data) as NumericTensor;
      const request = { executable, runner: target.runner, inputs: new Map([['x', x]]), outputs: names };
      const { outputs, stats } = await runExecutable(request);
      const [used = 0, bound = 0] = [stats.stack_used_bytes, build.image?.stackBytes];
      assert.ok(used > 200 && used <= bound, `${used} bytes of stack used, the bound is ${bound}`);
      for (const name of names) {
        const y = outputs.get(name);
        if (y === undefined) assert.fail(`no output ${name}`);
        const exactOf = kFunctions[name] ?? ((value: number) => value ** kExponent);
        kArguments.forEach((_, i) => {
          const [value, got] = [getNumber(x, i), getNumber(y, i)];
          const error = ulpsBetween(got, exactOf(value), dtype === 'f32');
          assert.ok(error <= kMostUlps[dtype], `${name}(${value}) is ${got}, not ${exactOf(value)}: ${error} ulp`);
        });
      }
      const symbols = readElf(readFileSync(executable), executable).symbols.map(({ name }) => name);
      assert.ok(symbols.includes(dtype === 'f32' ? 'sinf' : 'sin'), 'the symbols are there to look at');
      assert.deepEqual(
        symbols.filter((name) =>
          /^(__errno|_impure_ptr|_?(malloc|free|sbrk)(_r)?|__kernel_.*|__ieee754_.*)$/.test(name),
        ),
        [],
      );
    });
  }

  it('a function that no image has is named', async () => {
    const toolchain = await findToolchain(loadTarget('cortex-m4'));
    writeFileSync(join(folder, 'main.c'), 'double erf(double x);\nint main(void) { return (int)erf(0.5); }\n');
    execute('arm-none-eabi-gcc', ['-mcpu=cortex-m4', '-ffreestanding', '-c', 'main.c', '-o', 'main.o'], folder);
    execute('mkdir', ['bare'], folder);
    writeFileSync(join(folder, 'bare', 'link.ld'), 'ENTRY(main)\nSECTIONS { .code 0x1000 : { *(.text .text.*) } }\n');
    await assert.rejects(
      linkImage(['main.o'], join(folder, 'image'), toolchain, { folder, package: '' }),
      /calls erf, which an image without a C library/,
    );
  });
});
