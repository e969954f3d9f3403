import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { loadModelFiles } from '../../src/frontend/caffe2/load-model-files.js';
import { decodeNetDef, encodeNetDef, parseNetDefText } from '../../src/frontend/caffe2/messages.js';
import { makeArgument, makeNet, makeOperator } from '../../src/frontend/caffe2/net-def.js';
import { fuzzFiles } from '../fuzz/mutate-files.js';
import { cpuTimeMs } from '../support/cpu-time.js';
import { expectProblem } from './expect-problem.js';
import { bytesOfText, everyFieldNet, temporaryFolder } from './sample-nets.js';

function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.of(...bytes, rest);
}

/** `depth` nets, each inside an argument of an operator of the one before. */
function nestedNets(depth: number): Uint8Array {
  let net: Uint8Array = new Uint8Array(0);
  for (let level = 0; level < depth; level++) {
    const argument = concat(Uint8Array.of(0x42), varint(net.length), net);
    const op = concat(Uint8Array.of(0x2a), varint(argument.length), argument);
    net = concat(Uint8Array.of(0x12), varint(op.length), op);
  }
  return net;
}

describe('hostile binary nets', () => {
  const refused = (bytes: readonly number[], pattern: RegExp): void => {
    expectProblem(() => decodeNetDef(Uint8Array.from(bytes)), 'invalid-model', pattern);
  };

  it('every truncation is refused or is a shorter net', () => {
    const bytes = encodeNetDef(everyFieldNet());
    let refusals = 0;
    for (let length = 0; length < bytes.length; length++) {
      try {
        decodeNetDef(bytes.subarray(0, length));
      } catch (error) {
        assert.equal((error as Error).name, 'CompileError');
        refusals++;
      }
    }
    assert.ok(refusals > bytes.length * 0.9);
  });

  it('a length beyond the message', () => refused([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f], /field of 4294967295 bytes/));
  it('a length beyond 2^53', () =>
    refused([0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], /truncated or damaged/));
  it('a length beyond the nested message, but inside the file', () =>
    refused([0x12, 2, 0x0a, 9, 65, 65, 65, 65], /1?field of 9/));
  it('a varint of 11 bytes', () => refused([0x20, ...Array<number>(11).fill(0x80), 0], /more than 10 bytes/));
  it('a varint cut by the end', () => refused([0x20, 0x80], /truncated/));
  it('field number 0', () => refused([0x02, 0], /bad field number/));
  it('a field number above 2^29', () => refused([0xff, 0xff, 0xff, 0xff, 0xff, 1], /bad field number/));
  it('a group', () => refused([0xa3, 6], /group/));
  it('wire type 7', () => refused([0xa7, 6], /wire type 7/));
  it('a known field in another wire type', () => refused([0x10, 1], /NetDef.op .*wire type 0 instead of 2/));
  it('a packed float list cut inside an element', () => refused([0x32, 5, 0x2a, 3, 0, 0, 0], /cut inside an element/));
  it('a packed varint list cut inside an element', () => refused([0x32, 3, 0x32, 1, 0x80], /truncated/));
  it('a name that is not UTF-8', () => refused([0x0a, 2, 0xff, 0xfe], /NetDef.name is not UTF-8/));
  it('a required field missing', () => refused([0x32, 6, 0x52, 4, 0x5a, 2, 0x08, 1], /Segment without .* end/));

  it('says at which byte', () => {
    const problem = expectProblem(() => decodeNetDef(Uint8Array.of(0x0a, 1, 65, 0x12, 99)), 'invalid-model', /99/);
    assert.equal(problem.where?.offsetBytes, 4);
  });

  it('nets in nets: 33 deep are read, 10,000 deep are refused', () => {
    assert.equal(decodeNetDef(nestedNets(33)).ops.length, 1);
    expectProblem(() => decodeNetDef(nestedNets(34)), 'invalid-model', /nested more than 100 deep/);
    const opening = 'op { arg { n { '.repeat(10_000);
    expectProblem(() => parseNetDefText(opening), 'invalid-model', /nested more than 100 deep/);
  });

  it('millions of empty messages or strings are refused before they fill the memory', () => {
    const pairs = (byte: number): Uint8Array => new Uint8Array(2 ** 22).map((_, i) => (i % 2 === 0 ? byte : 0));
    expectProblem(() => decodeNetDef(pairs(0x12)), 'invalid-model', /more than 1048576 messages and strings/);
    expectProblem(() => decodeNetDef(pairs(0x3a)), 'invalid-model', /more than 1048576 messages and strings/);
  });

  it('the writer refuses what the reader would', () => {
    let net = makeNet({});
    for (let level = 0; level < 40; level++) {
      net = makeNet({ ops: [makeOperator({ type: 'If', args: [makeArgument({ name: 'then_net', n: net })] })] });
    }
    expectProblem(() => encodeNetDef(net), 'invalid-model', /nested/);
  });
});

describe('hostile files', () => {
  const folder = temporaryFolder();
  after(() => fs.rmSync(folder, { recursive: true }));
  const load = (content: Uint8Array | string): (() => unknown) => {
    const file = path.join(folder, 'file');
    fs.writeFileSync(file, content);
    return () => loadModelFiles({ predictNet: file });
  };

  it('a missing file', () => {
    const problem = expectProblem(() => loadModelFiles({ predictNet: '/no/such.pb' }), 'invalid-model', /no such file/);
    assert.equal(problem.where?.file, '/no/such.pb');
  });
  it('a folder', () => expectProblem(() => loadModelFiles({ predictNet: folder }), 'invalid-model', /is a directory/));
  it('a device', () =>
    expectProblem(() => loadModelFiles({ predictNet: '/dev/zero' }), 'invalid-model', /regular file/));
  it('an empty file', () => expectProblem(load(''), 'invalid-model', /is empty/));
  it('zeros', () => expectProblem(load(new Uint8Array(1000)), 'invalid-model', /not a Caffe2 file/));
  it('a zip archive', () => expectProblem(load('PK\x03\x04....'), 'invalid-model', /zip archive/));
  it('an ONNX model', () => expectProblem(load(Uint8Array.of(8, 6, 18, 3, 65, 66, 67)), 'invalid-model', /ONNX/));
  it('prose', () => expectProblem(load('Once upon a time'), 'invalid-model', /not a Caffe2 file/));
  it('a web page', () => expectProblem(load('<!DOCTYPE html>'), 'invalid-model', /web page/));
  it('deep JSON', () => expectProblem(load(`{"a": ${'['.repeat(1e5)}`), 'invalid-model', /not a predict net/));
  it('deep JSON as value info', () => {
    const deep = bytesOfText(`{"a": [1, ${'['.repeat(1e5)}${']'.repeat(1e5)}]}`);
    const files = { predictNet: encodeNetDef(everyFieldNet()), valueInfo: deep };
    expectProblem(() => loadModelFiles(files), 'invalid-model', /bad value_info entry/);
  });

  it('a sparse file of 3 GiB with a huge declared length is refused at once', () => {
    const file = path.join(folder, 'sparse');
    fs.writeFileSync(file, Uint8Array.of(0x0a, 1, 65, 0x12, 0xff, 0xff, 0xff, 0xff, 0x0f));
    fs.truncateSync(file, 3 * 2 ** 30);
    const spent = cpuTimeMs(() => expectProblem(() => decodeNetDef(file), 'invalid-model', /truncated or damaged/));
    assert.ok(spent < 1000, `${spent} ms`);
  });

  it('the problems of all files come together', () => {
    const error = expectProblem(
      () => loadModelFiles({ predictNet: '/no/a', initNet: '/no/b' }),
      'invalid-model',
      /\/no\/a/,
    );
    assert.equal(error.where?.file, '/no/b');
  });

  it('mutated files never do anything but load or be refused (seeded; 600 cases)', function () {
    this.timeout(60_000);
    const outcome = fuzzFiles(600, 1);
    assert.ok(outcome.refused > 50 && outcome.loaded > 5, JSON.stringify(outcome));
  });
});
