// Tuning: records of measurements as files, what of them a net takes over, and that every tile that may be tried computes what
// the interpreter does.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { kernelTarget, loadTarget } from '../src/build/target.js';
import { compileModel, type ModelOptions } from '../src/compile.js';
import { CompileError } from '../src/errors.js';
import type { TileFields, TunedKernel } from '../src/ops/kernel-call.js';
import { type KernelSpace, tunableLayers } from '../src/plan/tuning-space.js';
import { mergeRecords, readTuningRecord, type TunedLayer, writeTuningRecord } from '../src/tune/record.js';
import { verifyNet } from '../src/verify/verify-net.js';
import { fill, netBytes } from './build/sample-models.js';
import { kInit, kPredict, Workplace } from './cli/command-line.js';

const kTarget = 'x86-64-v4';

function conv(output: string, weights: string, kernel: number): string {
  const pad = `arg { name: "pad" i: ${kernel >> 1} }`;
  return `op { input: "x" input: "${weights}" output: "${output}" type: "Conv" arg { name: "kernel" i: ${kernel} } ${pad} }`;
}

/** Convolutions of one image, each with other outputs: as many layers as there are channel counts. */
function convs(channels: readonly number[], kernel: number, inputs = 20): ModelOptions {
  const names = channels.map((count) => `y${count}`);
  const weights = channels.map((count) => `w${count}`);
  const inputNames = ['x', ...weights].map((name) => `external_input: "${name}"`).join(' ');
  const outputNames = names.map((name) => `external_output: "${name}"`).join(' ');
  const ops = names.map((name, i) => conv(name, weights[i] ?? '', kernel)).join('\n');
  const init = channels.map((count, i) => fill(weights[i] ?? '', [count, inputs, kernel, kernel], i + 1)).join('\n');
  return {
    predictNet: netBytes(`name: "convs" ${inputNames} ${outputNames} ${ops}`),
    initNet: netBytes(init),
    inputs: [`x:1,${inputs},17,19`],
  };
}

function spacesOf(model: ModelOptions, name = kTarget): readonly (readonly [string, readonly KernelSpace[]])[] {
  const { graph, target } = compileModel({ ...model, target: name });
  return [...tunableLayers(graph, { ...target, threads: 1 })];
}

function entry(layer: string, kernels: readonly TunedKernel[], more: Partial<TunedLayer> = {}): TunedLayer {
  return { target: kTarget, cpu: 'Test CPU', layer, threads: 1, kernels, ...more };
}

function problemsFrom(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CompileError) return error.message;
    throw error;
  }
  assert.fail('nothing was refused');
}

describe('tuning record', () => {
  const place = new Workplace();
  after(() => place.remove());

  const one = entry('A', [{ kernel: 'k', tile: { pixels: 14 }, ms: 0.5 }]);

  it('is read as it was written, in an order of its own; new measurements replace old ones', () => {
    const other = entry('B', [{ kernel: 'k', tile: {}, ms: 1 }]);
    const faster = entry('A', [{ kernel: 'k2', tile: {}, ms: 0.25 }]);
    const file = place.path('record.json');
    writeTuningRecord(file, mergeRecords([other, one], [faster]));
    assert.deepEqual(readTuningRecord(file), [faster, other]);
    const text = readFileSync(file, 'utf8');
    writeTuningRecord(file, mergeRecords([faster], [other]));
    assert.equal(readFileSync(file, 'utf8'), text);
  });

  it('files of other formats and every wrong line are refused by name', () => {
    const file = place.path('bad.json');
    writeFileSync(file, '{"layers":[]}\n');
    assert.match(
      problemsFrom(() => readTuningRecord(file)),
      /bad\.json:1: is no tuning record of this version/,
    );
    writeFileSync(
      file,
      `{"cortado-tuning":1}\n${JSON.stringify(one)}\nnonsense\n${JSON.stringify({ ...one, threads: 0 })}\n`,
    );
    const text = problemsFrom(() => readTuningRecord(file));
    assert.match(text, /bad\.json:3: is no measurement/);
    assert.match(text, /bad\.json:4: is no measurement: \/threads/);
    assert.match(
      problemsFrom(() => readTuningRecord(place.path('none.json'))),
      /none\.json cannot be read/,
    );
  });
});

describe('compiling with a tuning record', () => {
  const model = convs([48], 3, 64);
  const [[layer] = ['']] = spacesOf(model);
  const tile = { pixels: 8, vectors: 3, bandRows: 6, chunkBlocks: 2 };
  const direct: TunedKernel = { kernel: 'conv2d_direct', tile, ms: 0.1 };
  const winograd: TunedKernel = {
    kernel: 'conv2d_winograd_2x2',
    tile: spaceTile(model, 'conv2d_winograd_2x2'),
    ms: 0.05,
  };
  const plan = (tuning: readonly TunedLayer[], more = {}) =>
    compileModel({ ...model, target: kTarget, tuning, ...more });
  const layerOf = ({ program }: ReturnType<typeof plan>) => program.layers.find(({ signature }) => signature === layer);

  it('the layer gets the measured kernel and tile', () => {
    const compiled = plan([entry(layer, [direct])]);
    assert.equal(layerOf(compiled)?.kernel, 'conv2d_direct');
    assert.equal(layerOf(compiled)?.tile, 'pixels 8, vectors 3, band_rows 6, chunk_blocks 2');
    assert.deepEqual(compiled.warnings, []);
  });

  it('the fastest that is allowed: Winograd convolutions may be refused', () => {
    const record = [entry(layer, [winograd, direct])];
    assert.equal(layerOf(plan(record, { winograd: true }))?.kernel, 'conv2d_winograd_2x2');
    assert.equal(layerOf(plan(record, { winograd: false }))?.kernel, 'conv2d_direct');
  });

  it('choices that are none any more are named, and left to the cost model', () => {
    const odd = { ...direct, tile: { ...tile, pixels: 5 } };
    const compiled = plan([entry(layer, [odd, { kernel: 'gone', tile: {}, ms: 1 }])]);
    const without = compileModel({ ...model, target: kTarget });
    assert.equal(layerOf(compiled)?.tile, layerOf(without)?.tile);
    const text = compiled.warnings.map(({ message }) => message).join('\n');
    assert.match(text, /stale: Conv 1x64x17x19.*conv2d_direct pixels 5 .* is no longer a choice/);
    assert.match(text, /gone is no longer a choice/);
  });

  it('a record of other layers or targets changes nothing and says so', () => {
    const other = plan([entry('Conv of another net', [direct])]);
    assert.match(other.warnings[0]?.message ?? '', /nothing for this net and target/);
    assert.equal(plan([entry(layer, [direct], { target: 'x86-64' })]).warnings.length, 1);
  });

  it('of several CPUs one has to be named', () => {
    const record = [entry(layer, [direct]), entry(layer, [winograd], { cpu: 'Other CPU' })];
    assert.match(
      problemsFrom(() => plan(record)),
      /several CPUs .*--tuning-cpu with one of Test CPU, Other CPU/,
    );
    assert.match(
      problemsFrom(() => plan(record, { tuningCpu: 'Third' })),
      /no measurements of Third/,
    );
    assert.equal(layerOf(plan(record, { tuningCpu: 'Test CPU' }))?.kernel, 'conv2d_direct');
  });
});

function spaceTile(model: ModelOptions, kernel: string): TileFields {
  const [[, kernels] = ['', []]] = spacesOf(model);
  const found = kernels.find((one) => one.kernel === kernel)?.tiles?.chosen;
  return found ?? assert.fail(`no tile of ${kernel}`);
}

describe('tiles that tuning may try', () => {
  // Each layer takes another kernel and tile; one program computes them all.
  for (const [kernel, channels] of [
    [3, [5, 8, 20, 24, 33, 48, 64]],
    [1, [4, 17, 32, 50, 72]],
  ] as const) {
    it(`convolutions ${kernel}×${kernel} compute what the interpreter does`, async () => {
      const model = convs(channels, kernel);
      const native = loadTarget('native').name;
      let turn = 0;
      const tuning = spacesOf(model, native).map(([layer, kernels]) => {
        const all = kernels.flatMap(({ kernel: name, tiles }) => {
          const axes = tiles?.axes ?? [];
          const most = Math.max(1, ...axes.map((axis) => axis.length));
          return Array.from({ length: most }, (_, k): TunedKernel => {
            const fields = axes.map((axis, a) => axis[(k + a) % axis.length] ?? {});
            return { kernel: name, tile: Object.assign({ ...tiles?.chosen }, ...fields) as TileFields, ms: 1 };
          });
        });
        return entry(layer, [all[(turn++ * 5) % all.length] ?? assert.fail('no candidate')], { target: native });
      });
      const { program, warnings } = compileModel({ ...model, target: native, tuning, winograd: true });
      assert.deepEqual(warnings, []);
      for (const { layer, kernels } of tuning) {
        assert.equal(program.layers.find(({ signature }) => signature === layer)?.kernel, kernels[0]?.kernel);
      }
      const report = await verifyNet({
        ...model,
        target: native,
        tuning,
        winograd: true,
        seed: 1,
        tolerance: { rtol: 1e-4, atol: 1e-5, scaleAtol: true },
        variants: ['optimized'],
      });
      assert.ok(report.pass, JSON.stringify(report.variants));
    });
  }
});

describe('cortado tune', () => {
  const place = new Workplace();
  after(() => place.remove());

  it('measures a net, keeps a record that compile reads, and adds to it', async () => {
    const predict = place.net('predict.pb', kPredict);
    const net = [predict, '--init', place.net('init.pb', kInit), '--input', 'x:1,2', '--threads', '1'];
    const quick = ['--rounds', '1', '--round-ms', '1'];
    const tuned = await place.run('tune', ...net, '-o', 'record.json', ...quick);
    assert.equal(tuned.code, 0, tuned.stderr);
    assert.match(tuned.stdout, /1 layers?, [3-9] candidates in \d+ programs/);
    const [layer, ...others] = readTuningRecord(place.path('record.json'));
    assert.deepEqual(others, []);
    assert.equal(layer?.kernels[0]?.kernel, 'fully_connected');
    const inspected = await place.run('inspect', ...net, '--tuning', 'record.json', '--layers');
    assert.equal(inspected.code, 0, inspected.stderr);
    assert.doesNotMatch(inspected.stderr, /tuning record/);
    const refused = await place.run('tune', ...net, '-o', 'record.json', '--no-optimize');
    assert.equal(refused.code, 2);
  });
});

describe('tuning of a device', () => {
  const target = 'cuda-emulated';

  it('tiles and splits of matrix products can be measured, and a record chooses them', () => {
    for (const precision of ['fp32', 'fp16'] as const) {
      const model = { ...convs([24], 3), target, precision };
      const { graph, target: found, program } = compileModel(model);
      const spaces = [...tunableLayers(graph, kernelTarget(found, 1, precision))];
      assert.equal(spaces.length, 1);
      const [layer, [space]] = spaces[0] ?? assert.fail('no layer');
      assert.match(layer, new RegExp(`, f32 ${precision}$`));
      assert.equal(program.layers.find(({ signature }) => signature !== '')?.signature, layer);
      const { chosen, axes } = space?.tiles ?? assert.fail('no tiles');
      assert.ok((axes[0]?.length ?? 0) >= 5, 'every shape of a tile is a candidate');
      const other = axes[0]?.find(({ rows, cols }) => rows !== chosen.rows && cols !== chosen.cols);
      const tile: TileFields = { ...(other ?? assert.fail('one shape only')), splits: 2 };
      const record = [entry(layer, [{ kernel: 'conv2d_gemm', tile, ms: 1 }], { target })];
      const tuned = compileModel({ ...model, tuning: record });
      assert.deepEqual(tuned.warnings, []);
      const text = String(tuned.files.generated.get('src/convs.cu'));
      const fields = ['rows', 'cols', 'kBytes', 'stages', 'warpsM', 'warpsN', 'splits'].map((name) => tile[name]);
      assert.match(text, new RegExp(`GemmTile \\w+\\{ ?${fields.join(', ')} ?\\}`));
    }
  });

  it('tiles of warpgroups are chosen by records of targets that have them', () => {
    const model = { ...convs([24], 3), precision: 'fp16' } as const;
    const tile = { rows: 128, cols: 64, kBytes: 128, stages: 4, warpsM: 8, warpsN: 1, splits: 1, warpgroups: 1 };
    const tuned = (name: string): ReturnType<typeof compileModel> => {
      const { program } = compileModel({ ...model, target: name });
      const layer = program.layers.find(({ signature }) => signature !== '')?.signature ?? assert.fail('no layer');
      const record = [entry(layer, [{ kernel: 'conv2d_gemm', tile, ms: 1 }], { target: name })];
      return compileModel({ ...model, target: name, tuning: record });
    };
    const hopper = tuned('cuda-sm90a');
    assert.deepEqual(hopper.warnings, []);
    assert.match(String(hopper.files.generated.get('src/convs.cu')), /\{ ?128, 64, 128, 4, 8, 1, 1, 1 ?\}/);
    const other = tuned('cuda-sm90');
    assert.match(other.warnings.map(({ message }) => message).join('\n'), /conv2d_gemm/);
    assert.doesNotMatch(String(other.files.generated.get('src/convs.cu')), /\{ ?128, 64, 128, 4, 8, 1, 1/);
  });
});
