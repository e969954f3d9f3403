// --runner: boards and devices. The clients ssh, scp and adb are scripts that do the same on this machine, in a folder of
// their own, and note what they were asked.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNpy, writeNpy } from '../../src/files/npy.js';
import { floatTensor } from '../../src/ir/tensor.js';
import { kInit, kPredict, Workplace } from './command-line.js';

const kSsh = `#!/bin/sh
echo "ssh $*" >> "$NOTES"
while [ "$1" = -o ]; do shift 2; done
shift
exec sh -c "$1"
`;
const kScp = `#!/bin/sh
echo "scp $*" >> "$NOTES"
while case $1 in -*) true;; *) false;; esac; do shift; done
exec cp -r "\${1#me@board:}" "\${2#me@board:}"
`;
const kAdb = `#!/bin/sh
echo "adb $*" >> "$NOTES"
[ "$1" = -s ] && shift 2
case $1 in
shell) exec sh -c "$(echo "$2" | sed "s,/data/local/tmp,$BOARD,")" ;;
push | pull) exec cp -r "$2" "$3" ;;
esac
`;

describe('runners', function () {
  this.timeout(120_000);
  const place = new Workplace();
  const bin = place.path('bin');
  const board = place.path('board');
  const notes = place.path('notes');
  const x = place.path('x.npy');
  let net: readonly string[] = [];
  const path = process.env.PATH ?? '';

  before(() => {
    for (const folder of [bin, board]) mkdirSync(folder);
    for (const [name, text] of [
      ['ssh', kSsh],
      ['scp', kScp],
      ['adb', kAdb],
    ] as const) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
    writeNpy(x, floatTensor([1, 2], [1, -3]));
    net = [place.net('tiny.pb', kPredict), '--init', place.net('tiny_init.pb', kInit), '--input', 'x:1,2'];
    Object.assign(process.env, { PATH: `${bin}:${path}`, NOTES: notes, BOARD: board });
  });
  after(() => {
    process.env.PATH = path;
    delete process.env.NOTES;
    delete process.env.BOARD;
    place.remove();
  });

  for (const [runner, folder] of [
    ['ssh:me@board', '/tmp'],
    ['adb', board],
    ['adb:emulator-5554', board],
  ] as const) {
    it(`${runner}: ships, runs, fetches, tidies up`, async () => {
      writeFileSync(notes, '');
      const output = place.path('y.npy');
      const args = ['--input', `x=${x}`, '--output', `y=${output}`, '--runner', runner];
      const { code, stderr } = await place.run('run', ...net, ...args);
      assert.equal(code, 0, stderr);
      assert.deepEqual([...readNpy(output).data], [1.5, 3.5]);
      const said = readFileSync(notes, 'utf8');
      const used = /cortado-\w{6}/.exec(said)?.[0] ?? '';
      assert.match(used, /^cortado-/);
      assert.equal(existsSync(join(folder, used)), false, 'the folder there is removed');
      if (runner.startsWith('adb:')) assert.match(said, /adb -s emulator-5554 push/);
      assert.deepEqual(readdirSync(board), []);
    });
  }

  it('verify goes the same way, traces too', async () => {
    const { code, stdout, stderr } = await place.run('verify', ...net, '--runner', 'ssh:me@board');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /verified: tiny/);
  });

  it('a failure there is told with its own words', async () => {
    writeFileSync(join(bin, 'scp'), '#!/bin/sh\necho "board: no route to host" >&2; exit 255\n');
    const { code, stderr } = await place.run('run', ...net, '--random', '--runner', 'ssh:me@board');
    writeFileSync(join(bin, 'scp'), kScp);
    assert.equal(code, 1);
    assert.match(stderr, /me@board: scp .*no route to host/s);
  });

  it('refuses what names no runner', async () => {
    for (const runner of ['ssh', 'ssh:', 'ssh:-oProxyCommand=x', 'host:x', ' ']) {
      const { code, stderr } = await place.run('run', ...net, '--random', '--runner', runner);
      assert.equal(code, 2, `${runner}: ${stderr}`);
    }
  });
});
