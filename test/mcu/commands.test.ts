// What the command line refuses for boards that count instructions and have no time: before it runs anything, and without a file left behind.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { kInit, kPredict, Workplace } from '../cli/command-line.js';
import { needTargetTools } from '../support/need-target-tools.js';

describe('commands for microcontrollers', function () {
  this.timeout(600_000);
  const place = new Workplace();
  const net = [place.net('tiny.pb', kPredict), '--init', place.net('tiny_init.pb', kInit), '--input', 'x:1,2'];
  const common = [...net, '--target', 'cortex-m4'];
  before(async function () {
    await needTargetTools(this, 'cortex-m4');
  });
  after(() => place.remove());

  it('a report of a run needs a time', async () => {
    const { code, stdout, stderr } = await place.run('run', ...common, '--random', '--report', 'run.html');
    assert.notEqual(code, 0);
    assert.match(stderr, /no time to measure/);
    assert.equal(stdout, '');
    assert.equal(existsSync(place.path('run.html')), false);
  });

  it('tuning needs a time, and leaves no record', async () => {
    const { code, stderr } = await place.run('tune', ...common, '-o', 'record.json', '--rounds', '1');
    assert.notEqual(code, 0);
    assert.match(stderr, /no time to measure/);
    assert.equal(existsSync(place.path('record.json')), false);
  });

  it('a report of a compilation shows the plan', async () => {
    const { code, stderr } = await place.run('compile', ...common, '-o', 'image', '--report', 'plan.html');
    assert.equal(code, 0, stderr);
    assert.ok(existsSync(place.path('plan.html')));
  });

  it('an image holds its weights', async () => {
    const { code, stderr } = await place.run('compile', ...common, '-o', 'bare', '--weights', 'pointer');
    assert.equal(code, 2);
    assert.match(stderr, /holds its weights/);
    assert.equal(existsSync(place.path('bare')), false);
  });

  it('an image does not run on the host', async () => {
    const { code, stderr } = await place.run('run', ...common, '--random', '--runner', 'host');
    assert.equal(code, 2);
    assert.match(stderr, /is no program of this machine/);
  });

  it('one CPU needs no affinity', async () => {
    const { code, stderr } = await place.run('run', ...common, '--random', '--affinity', 'fast');
    assert.equal(code, 2);
    assert.match(stderr, /one CPU .*--affinity fast/);
  });
});
