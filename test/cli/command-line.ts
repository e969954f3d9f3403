// Runs the real command line in child processes, on small nets in a folder of their own.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeNetDef, parseNetDefText } from '../../src/frontend/caffe2/messages.js';
import { packageRoot } from '../../src/package-root.js';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const kMain = fileURLToPath(new URL('bin/cortado.js', packageRoot));

/** A folder for one suite: nets, outputs, a temporary folder and an object cache of its own. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'cortado-cli-test-'));
  readonly temp = join(this.folder, 'tmp');
  /** Environment variables of the runs, beside this process's own. */
  readonly environment: { [name: string]: string } = {};

  constructor() {
    mkdirSync(this.temp);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a net given as protobuf text in the binary form. */
  net(name: string, text: string): string {
    writeFileSync(this.path(name), encodeNetDef(parseNetDefText(text)));
    return this.path(name);
  }

  start(...args: readonly string[]) {
    const env = {
      ...process.env,
      TMPDIR: this.temp,
      XDG_CACHE_HOME: this.path('cache'),
      CORTADO_DEBUG: '',
      ...this.environment,
    };
    return spawn(process.execPath, [kMain, ...args], { cwd: this.folder, env });
  }

  run(...args: readonly string[]): Promise<Finished> {
    return finish(this.start(...args));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function finish(child: ReturnType<Workplace['start']>): Promise<Finished> {
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => (stdout += String(data)));
  child.stderr.on('data', (data) => (stderr += String(data)));
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })));
}

/** y = Relu(x * w + b) with w = [1 0; 0 -1], b = [0.5 0.5]. */
export const kPredict = `
  name: "tiny" external_input: "x" external_input: "w" external_input: "b" external_output: "y"
  op { input: "x" input: "w" input: "b" output: "h" type: "FC" arg { name: "fancy" i: 3 } }
  op { input: "h" output: "y" type: "Relu" }`;

export const kInit = `
  op { output: "w" type: "GivenTensorFill" arg { name: "shape" ints: 2 ints: 2 } arg { name: "values" floats: 1 floats: 0 floats: 0 floats: -1 } }
  op { output: "b" type: "GivenTensorFill" arg { name: "shape" ints: 2 } arg { name: "values" floats: 0.5 floats: 0.5 } }`;
