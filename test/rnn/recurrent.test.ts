// Whole recurrent nets: an LSTM and a GRU as Caffe2 exports them, with a batch that varies and sequences that end early.
// Compiled code against the interpreter, and the interpreter against a few lines that say what an LSTM is.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { compile } from '../../src/compile.js';
import { formatProblem } from '../../src/errors.js';
import type { Graph } from '../../src/ir/graph.js';
import { floatTensor, type Tensor, tensorFromNumbers, toNumbers } from '../../src/ir/tensor.js';
import { interpret } from '../../src/ops/interpret.js';
import { parseGraph } from '../../src/ops/parse-graph.js';
import { printGraph } from '../../src/ops/print-graph.js';
import { verifyGraph } from '../../src/ops/verify-graph.js';
import { runPasses } from '../../src/passes/pipeline.js';
import { runCompiled } from '../batch/run-compiled.js';
import { describeDifference } from '../corpus/compare.js';
import { importText } from '../frontend/import-sample.js';
import { gruNet, lstmNet, type RecurrentNet } from './recurrent-nets.js';

const kSteps = 4;
const kInputs = ['x:4,N=1..4,5', 'lengths:int32:N'];
const kNets: readonly (readonly [string, RecurrentNet])[] = [
  ['lstm', lstmNet(20)],
  ['gru', gruNet(7)],
];

function graphOf(net: RecurrentNet): Graph {
  return importText(net.predict, { init: net.init, inputs: kInputs }).graph;
}

/** A sequence for each of `batch` rows; they end after 4, 3, 2, 1 steps. */
function inputsFor(batch: number): ReadonlyMap<string, Tensor> {
  const values = Array.from({ length: kSteps * batch * 5 }, (_, i) => ((i * 53) % 97) / 48.5 - 1);
  const lengths = Array.from({ length: batch }, (_, i) => kSteps - i);
  return new Map<string, Tensor>([
    ['x', floatTensor([kSteps, batch, 5], values)],
    ['lengths', tensorFromNumbers('i32', [batch], lengths)],
  ]);
}

describe('recurrent nets', function () {
  this.timeout(300_000);

  for (const [name, net] of kNets) {
    it(`${name}: sound after import and after all passes, and the text reads back`, () => {
      const graph = graphOf(net);
      for (const current of [graph, runPasses(graph, { optimize: true, checkValues: true })]) {
        assert.deepEqual(verifyGraph(current).map(formatProblem), []);
        assert.equal(printGraph(parseGraph(printGraph(current))), printGraph(current));
      }
    });
  }

  for (const optimize of [true, false]) {
    it(`compiled as interpreted, ${optimize ? 'optimized' : 'not optimized'}, batches 1 to 4`, async () => {
      const jobs = kNets.flatMap(([name, net]) =>
        [1, 2, 3, 4].map((batch) => ({ id: `${name}_${batch}`, graph: graphOf(net), inputs: inputsFor(batch) })),
      );
      const outcomes = await runCompiled(jobs, { target: 'native', optimize });
      for (const [i, job] of jobs.entries()) {
        const outcome = outcomes[i];
        assert(outcome !== undefined);
        if (outcome.kind === 'problems') assert.fail(outcome.problems.map(formatProblem).join('\n'));
        for (const [output, want] of interpret(job.graph, job.inputs)) {
          const got = outcome.outputs.get(output);
          assert(got !== undefined);
          assert.equal(describeDifference(got, want, 1e-4, 1e-5), undefined, `${job.id} ${output}`);
        }
      }
    });
  }

  it('states of sequences that have ended stay; the last rows are the last states', () => {
    const outputs = interpret(graphOf(lstmNet(3)), inputsFor(2));
    const all = toNumbers(outputs.get('h_all') ?? assert.fail());
    assert.deepEqual(outputs.get('h_all')?.dims, [kSteps, 2, 3]);
    // Row 1 ends after 3 steps: step 3 repeats step 2.
    assert.deepEqual(all.slice(21, 24), all.slice(15, 18));
    assert.notDeepEqual(all.slice(18, 21), all.slice(12, 15));
    assert.deepEqual(toNumbers(outputs.get('h_last') ?? assert.fail()), all.slice(18));
  });

  it('runs allocate nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cortado-rnn-'));
    try {
      const { predict, init } = lstmNet(20);
      await writeFile(join(folder, 'predict.pbtxt'), predict);
      await writeFile(join(folder, 'init.pbtxt'), init);
      await compile({
        predictNet: join(folder, 'predict.pbtxt'),
        initNet: join(folder, 'init.pbtxt'),
        inputs: kInputs,
        target: 'native',
        emit: ['source'],
        outputFolder: folder,
        cacheFolder: join(folder, 'cache'),
      });
      const code = join(folder, 'recurrent-source');
      const sources = await Promise.all(
        ['src', 'runtime/src', 'runtime/harness'].map(async (part) =>
          (await readdir(join(code, part))).filter((file) => /\.(cc|S)$/.test(file)).map((file) => join(part, file)),
        ),
      );
      const traps = ['malloc', 'calloc', 'realloc', 'aligned_alloc', 'posix_memalign', 'mmap'];
      const flags = [
        '-std=c++17',
        '-O1',
        '-march=native',
        '-fno-exceptions',
        '-fno-rtti',
        '-DCORTADO_TRAP_ALLOCATIONS=1',
      ];
      const folders = ['-Iruntime/include', '-Iruntime', '-Isrc', '-Iruntime/harness', '-Iruntime/src'];
      const wraps = traps.map((name) => `-Wl,--wrap=${name}`);
      await execa('g++', [...flags, ...folders, ...sources.flat(), ...wraps, '-o', 'trapped', '-lm', '-lpthread'], {
        cwd: code,
      });
      const ran = await execa(join(code, 'trapped'), ['--random', '--repeat', '5'], { cwd: code, reject: false });
      assert.deepEqual([ran.exitCode, ran.stderr], [0, '']);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
