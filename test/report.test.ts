// The HTML report: it needs no other file, shows every layer, and depends on nothing but the plan and the measurement.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { compileModel } from '../src/compile.js';
import type { Program } from '../src/plan/program.js';
import { dataFlow } from '../src/report/data-flow.js';
import { reportPage } from '../src/report/page.js';
import { type Measurement, reportData } from '../src/report/report-data.js';
import { digitsModel, fill, netBytes } from './build/sample-models.js';
import { kInit, kPredict, Workplace } from './cli/command-line.js';

const kAbout = { target: 'x86-64-v3', version: '1.2.3' };

/** Made-up times: layer i takes i + 1 thousandths. */
function measurement(program: Program): Measurement {
  const layers = program.layers.map(({ kernel, macs, origin }, i) => ({
    op: i,
    type: origin.opType,
    blob: origin.blob,
    kernel,
    macs,
    ms: (i + 1) / 1000,
  }));
  const rates = { threads: 1, gflops: 200, l2Gbps: 250, l3Gbps: 100, memoryGbps: 40 };
  const memory = { arena_bytes: program.arenaBytes, weight_bytes: 100, peak_resident_bytes: 3_000_000 };
  const times = { runs: 5, min_ms: 0.04, median_ms: 0.05, create_ms: 0.01 };
  return {
    stats: { net: program.name, target: 'x86-64-v3', cpu: 'Test CPU', threads: 1, ...times, ...memory, layers },
    rates,
  };
}

describe('report', () => {
  const { program } = compileModel({ ...digitsModel(), target: 'x86-64-v3' });
  const page = reportPage(reportData(program, kAbout, measurement(program)));

  it('refers to nothing outside itself', () => {
    assert.doesNotMatch(page, /https?:|\/\/[a-z]+\.|@import|<link|<img|\ssrc=/i);
    for (const [reference] of page.matchAll(/(?:href="|url\()[^")]*/g)) assert.match(reference, /^(href="|url\()#/);
  });

  it('shows every layer in the graph, the columns and the table', () => {
    assert.ok(program.layers.length > 5);
    program.layers.forEach(({ kernel }, i) => {
      const shown = page.match(new RegExp(`data-layer="${i}"`, 'g')) ?? [];
      assert.ok(shown.length >= 3, `layer ${i} is shown ${shown.length} times`);
      assert.ok(page.includes(kernel));
    });
    for (const { name } of program.arena) assert.ok(page.includes(name), `buffer ${name}`);
  });

  it('is the same for the same plan and times, and differs for others', () => {
    const again = compileModel({ ...digitsModel(), target: 'x86-64-v3' }).program;
    assert.equal(reportPage(reportData(again, kAbout, measurement(again))), page);
    assert.notEqual(reportPage(reportData(again, kAbout)), page);
  });

  it('without times has no roofline and says so', () => {
    const plan = reportPage(reportData(program, kAbout));
    assert.ok(plan.includes('the net was not run'));
    assert.doesNotMatch(plan, /id="roofline"|id="time"/);
  });

  it('shows the memory of a device and what its steps read', () => {
    const device = compileModel({ ...digitsModel(), target: 'cuda-emulated' });
    const text = reportPage(reportData(device.program, kAbout));
    assert.match(text, /id="device"/);
    for (const { name } of device.program.deviceArena?.entries ?? assert.fail('nothing runs on the device'))
      assert.ok(text.includes(name), name);
    const reads = dataFlow(device.program);
    const read = new Set(reads.map(({ to }) => `${to.kind}${to.index}`));
    const silent = device.program.layers.flatMap((_, i) => (read.has(`layer${i}`) ? [] : [i]));
    assert.deepEqual(silent, [], 'layers that read nothing');
    assert.ok(read.has('output0'));
  });

  it('names of blobs are text, not markup', () => {
    const hostile = kPredict.replaceAll('"y"', '"<script>y</script>"');
    const tiny = compileModel({
      predictNet: netBytes(hostile),
      initNet: netBytes(kInit),
      inputs: ['x:1,2'],
      target: 'x86-64-v3',
    });
    const text = reportPage(reportData(tiny.program, kAbout));
    assert.doesNotMatch(text, /<script>y/);
    assert.match(text, /&#60;script&#62;y/);
  });
});

describe('data flow of the report', () => {
  it('readers of a concat written in place read all its pieces', () => {
    const predict = `
      name: "pieces" external_input: "x" external_input: "w" external_input: "v" external_output: "y"
      op { input: "x" input: "w" output: "a" type: "Conv" arg { name: "kernel" i: 1 } }
      op { input: "x" input: "w" output: "b" type: "Conv" arg { name: "kernel" i: 1 } arg { name: "order" s: "NCHW" } }
      op { input: "a" output: "c" type: "Sigmoid" }
      op { input: "b" input: "c" output: "ab" output: "dims" type: "Concat" arg { name: "axis" i: 1 } }
      op { input: "ab" input: "v" output: "y" type: "Conv" arg { name: "kernel" i: 1 } }`;
    const init = [fill('w', [16, 16, 1, 1], 1), fill('v', [16, 32, 1, 1], 2)].join('\n');
    const { program } = compileModel({
      predictNet: netBytes(predict),
      initNet: netBytes(init),
      inputs: ['x:1,16,4,4'],
      target: 'x86-64-v4',
    });
    const reads = dataFlow(program);
    const joined = reads.filter(({ from }) => from.length > 1);
    assert.equal(joined.length, 1);
    const writers = joined[0]?.from.map(({ index }) => program.layers[index]?.writes[0]);
    assert.deepEqual(writers?.sort(), ['a', 'c']);
    assert.ok(reads.some(({ to, from }) => to.kind === 'output' && from.length > 0));
    assert.ok(reads.some(({ from }) => from.some(({ kind }) => kind === 'input')));
  });
});

describe('graph of the report', () => {
  it('longer and longer concats are joined step by step', () => {
    const conv = (x: string, w: string, y: string): string =>
      `op { input: "${x}" input: "${w}" output: "${y}" type: "Conv" arg { name: "kernel" i: 1 } }`;
    const concat = (inputs: readonly string[], y: string): string =>
      `op { ${inputs.map((x) => `input: "${x}"`).join(' ')} output: "${y}" output: "${y}_dims" type: "Concat" arg { name: "axis" i: 1 } }`;
    const predict = `
      name: "dense" external_input: "x" external_input: "w" external_input: "v" external_input: "u" external_output: "z"
      ${conv('x', 'w', 'a')} ${concat(['x2', 'a'], 'xa')} ${conv('xa', 'v', 'b')} ${concat(['xa', 'b'], 'xab')} ${conv('xab', 'u', 'z')}`;
    const init = [fill('w', [16, 16, 1, 1], 1), fill('v', [16, 32, 1, 1], 2), fill('u', [16, 48, 1, 1], 3)].join('\n');
    const { program } = compileModel({
      predictNet: netBytes(predict.replace('op {', 'op { input: "x" output: "x2" type: "Sigmoid" } op {')),
      initNet: netBytes(init),
      inputs: ['x:1,16,4,4'],
      target: 'x86-64-v4',
    });
    const page = reportPage(reportData(program, kAbout));
    assert.equal(page.match(/class="join"/g)?.length, 2);
    // Into each node of a concat go two arrows, from it one to its reader, and one from the first to the second.
    const others = dataFlow(program).filter(({ from }) => from.length === 1).length;
    assert.equal(page.match(/class="arrow"/g)?.length, 2 + 1 + 2 + 1 + others);
  });
});

describe('--report', () => {
  const place = new Workplace();
  after(() => place.remove());

  it('compile and run measure the net, inspect shows the plan; an executable has none', async () => {
    const predict = place.net('predict.pb', kPredict);
    const net = [predict, '--init', place.net('init.pb', kInit), '--input', 'x:1,2', '--threads', '1'];
    const compiled = await place.run('compile', ...net, '-o', 'out', '--report', 'compile.html');
    assert.equal(compiled.code, 0, compiled.stderr);
    assert.match(readFileSync(place.path('compile.html'), 'utf8'), /id="roofline"/);
    const inspected = await place.run('inspect', ...net, '--report', 'inspect.html');
    assert.equal(inspected.code, 0, inspected.stderr);
    assert.match(readFileSync(place.path('inspect.html'), 'utf8'), /the net was not run/);
    const ran = await place.run('run', ...net, '--random', '--report', 'run.html');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(readFileSync(place.path('run.html'), 'utf8'), /id="roofline"/);
    const refused = await place.run('run', 'out/tiny', '--random', '--report', 'no.html');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /name the predict net/);
    const unwritable = await place.run('inspect', ...net, '--report', 'no/such/folder.html');
    assert.equal(unwritable.code, 2);
    assert.match(unwritable.stderr, /cannot be written/);
  });
});
