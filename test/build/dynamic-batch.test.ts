// A net compiled for one to eight images: executables for two targets give for each number of images what the interpreter
// gives, and refuse numbers outside the bounds in words. Inputs that share a size must agree on it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { type BuildRequest, compile, importModel } from '../../src/compile.js';
import { writeNpy } from '../../src/files/npy.js';
import { floatTensor, makeTensor, type NumericTensor } from '../../src/ir/tensor.js';
import { randomTensor } from '../../src/ops/constant-spelling.js';
import { interpret } from '../../src/ops/interpret.js';
import { runExecutable } from '../../src/run/run-executable.js';
import { describeDifference } from '../corpus/compare.js';
import { suiteFolder } from './places.js';
import { netBytes, varyingModel } from './sample-models.js';

const kVariants: readonly Pick<BuildRequest, 'target' | 'optimize' | 'threads'>[] = [
  { target: 'native', optimize: true, threads: 2 },
  { target: 'x86-64', optimize: false, threads: 1 },
];

describe('a number of images that varies', function () {
  this.timeout(120_000);
  const folder = suiteFolder();
  const { graph } = importModel(varyingModel());

  for (const variant of kVariants) {
    const outputFolder = path.join(folder, `${variant.target}`);
    const title = `${variant.target}, ${variant.optimize === true ? 'optimized' : 'not optimized'}`;

    it(`1, 3 and 8 images as the interpreter has them: ${title}`, async () => {
      const { build, target, program } = await compile({
        ...varyingModel(),
        ...variant,
        outputFolder,
      });
      assert.deepEqual(
        program.symbols.map(({ min, max }) => [min, max]),
        [[1, 8]],
      );
      for (const count of [1, 3, 8]) {
        const inputs = new Map([['data', images(count)]]);
        const outputs = ['softmax', 'pooled'];
        const { outputs: got } = await runExecutable({
          executable: build.executable ?? '',
          runner: target.runner,
          inputs,
          outputs,
        });
        for (const [name, want] of interpret(graph, inputs)) {
          const tensor = got.get(name) ?? assert.fail(`${name} is missing`);
          assert.equal(describeDifference(tensor, want, 1e-4, 1e-6), undefined, `${count} images, ${name}`);
          assert.equal(tensor.dims[0], count);
        }
      }
    });

    for (const count of [0, 9]) {
      it(`${count} images are refused: ${title}`, () => {
        const file = path.join(folder, `${count}.npy`);
        writeNpy(file, images(count));
        const result = spawnSync(path.join(outputFolder, 'varying'), ['--input', `data=${file}`], { encoding: 'utf8' });
        assert.equal(result.status, 1);
        assert.match(result.stderr, new RegExp(`^varying: .*data.*expected 1 to 8, got ${count}\\n$`));
      });
    }
  }

  it('inputs that share a size must agree on it', async () => {
    const predictNet = netBytes(`name: "pair" external_input: "a" external_input: "b" external_output: "y"
      op { input: "a" input: "b" output: "y" type: "Add" }`);
    const outputFolder = path.join(folder, 'pair');
    const inputs = ['a:N=1..4,2', 'b:N,2'];
    await compile({ predictNet, inputs, outputFolder, threads: 1 });
    const file = (name: string, count: number): string => {
      const npy = path.join(folder, `${name}${count}.npy`);
      writeNpy(npy, floatTensor([count, 2], new Array<number>(2 * count).fill(1)));
      return `${name}=${npy}`;
    };
    const run = (a: number, b: number) =>
      spawnSync(path.join(outputFolder, 'pair'), ['--input', file('a', a), '--input', file('b', b)], {
        encoding: 'utf8',
      });
    assert.equal(run(3, 3).status, 0);
    const wrong = run(3, 2);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /^pair: input b, dimension 0: .*expected 3, got 2\n$/);
  });
});

function images(count: number): NumericTensor {
  const dims = [count, 3, 6, 6];
  return count === 0 ? makeTensor('f32', dims) : randomTensor('f32', dims, count, -1, 1);
}
