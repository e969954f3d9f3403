// Names that a hostile or careless model may carry, as C identifiers, comments and string literals; then whole nets with
// such names, built and run.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../src/compile.js';
import { commentText, cString, mangle } from '../../src/emit/names.js';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { makeNet, makeOperator } from '../../src/frontend/caffe2/net-def.js';
import { skipBecause } from '../support/skip.js';

/** Every string of up to `length` of the letters. */
function words(letters: string, length: number): readonly string[] {
  let longest = [''];
  const all = [''];
  for (let i = 0; i < length; i++) {
    longest = longest.flatMap((word) => [...letters].map((letter) => word + letter));
    all.push(...longest);
  }
  return all;
}

describe('mangled names', () => {
  it('are identifiers, and different names never meet', () => {
    const names = [
      ...words('_x2f/', 7),
      ...words('é_x2f/', 6),
      ...['run', 'lib', 'include', 'share', 'cortado', 'cortado_model', '_x72_un', '_x6c_ib'],
      ...['a', 'b'].map((last) => 'a'.repeat(5000) + last),
    ];
    const seen = new Map<string, string>();
    for (const name of new Set(names)) {
      const mangled = mangle(name);
      assert.match(mangled, /^[A-Za-z_][A-Za-z0-9_]*$/);
      assert.ok(mangled.length <= 110, name.slice(0, 20));
      assert.equal(seen.get(mangled), undefined, `${JSON.stringify(name)} and ${JSON.stringify(seen.get(mangled))}`);
      seen.set(mangled, name);
    }
  });

  it('stay readable', () => {
    assert.equal(mangle('squeezenet_v1'), 'squeezenet_v1');
    assert.equal(mangle('a/b'), 'a_x2f_b');
    assert.equal(mangle('1'), '_x31_');
  });

  it('leave the names of the runtime alone', () => {
    for (const name of ['run', 'cortado', 'cortado_model', 'lib', 'include', 'share'])
      assert.notEqual(mangle(name), name);
    for (const name of ['runner', 'cortadoes', 'library']) assert.equal(mangle(name), name);
  });
});

describe('comments', () => {
  it('end neither themselves nor their line', () => {
    for (const text of [
      'a\nb',
      'a\rb',
      'a\u2028b',
      'a\0b',
      'a*/b',
      'a/*b',
      '*/*/',
      '/*/',
      'a\\',
      'a\\ ',
      '??/',
      'a\u202eb',
    ])
      assert.doesNotMatch(commentText(text), /[\p{Cc}\u2028\u202e]|\*\/|\/\*|\\\s*$|\?\?/u, JSON.stringify(text));
    assert.equal(commentText('conv1/7x7_s2 * 3 / 4'), 'conv1/7x7_s2 * 3 / 4');
  });
});

describe('string literals', () => {
  it('escape quotes, trigraphs and what is not ASCII', () => {
    assert.equal(cString('a"\\\n??/é1'), '"a\\"\\\\\\012\\077\\077/\\303\\2511"');
  });
});

describe('nets with hostile names', function () {
  this.timeout(600_000);
  let folder = '';

  before(function () {
    if (spawnSync('g++', ['--version']).status !== 0) skipBecause(this, 'g++ is not installed');
    folder = mkdtempSync(join(tmpdir(), 'cortado-names-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const names = [
    'run',
    'lib',
    'class',
    '*/ #error injected\n/*',
    '\n#error injected\n',
    'x\\\n#error',
    '../..',
    '"',
    '%s%n',
    'ü',
  ];
  for (const name of [...names, 'long'.repeat(200)]) {
    it(JSON.stringify(name).slice(0, 40), async () => {
      const op = makeOperator({ type: 'Softmax', inputs: [`x${name}`], outputs: [name], name });
      const net = makeNet({ name, ops: [op], externalInputs: [`x${name}`], externalOutputs: [name] });
      const { build } = await compile({
        predictNet: encodeNetDef(net),
        inputs: [`x${name}:2,3`],
        target: 'x86-64',
        threads: 1,
        emit: ['executable', 'library'],
        outputFolder: join(folder, 'out'),
        cacheFolder: join(folder, 'cache'),
      });
      const result = spawnSync(build.executable ?? '', ['--random'], { encoding: 'utf8' });
      assert.equal(result.status, 0, result.stderr);
    });
  }
});
