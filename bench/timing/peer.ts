// The peer: ONNX Runtime through onnxruntime-node, installed on first use into this folder, without install scripts.
// Everything about it is optional: where it cannot be had, `openPeer` says why and the benchmark times our side alone.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { packageRoot } from '../../src/package-root.js';
import type { Blob } from '../nets/net-builder.js';

interface OrtTensor {
  readonly data: Float32Array;
}

interface OrtSession {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

interface OrtModule {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<OrtSession> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OrtTensor;
}

/** A net loaded into the peer. `run` gives the output's values; the input is not copied. */
export interface PeerNet {
  run(): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  load(model: Uint8Array, input: Blob, values: Float32Array, output: Blob, threads: number): Promise<PeerNet>;
}

const kPackage = 'onnxruntime-node';

/** The peer, or why there is none. */
export async function openPeer(onMessage: (message: string) => void): Promise<Peer | string> {
  const folder = fileURLToPath(new URL('bench/peer/', packageRoot));
  if (!existsSync(`${folder}node_modules/${kPackage}`)) {
    onMessage(`installing ${kPackage} into ${folder} (about 300 MB, once) ...`);
    const result = await execa('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: folder,
      reject: false,
      all: true,
    });
    if (result.exitCode !== 0)
      return `${kPackage} could not be installed: ${lastLine(String(result.all ?? result.shortMessage))}`;
  }
  try {
    const require = createRequire(`${folder}package.json`);
    const ort = require(kPackage) as OrtModule;
    const { version } = require(`${kPackage}/package.json`) as { readonly version: string };
    return { name: `ONNX Runtime ${version}`, load: (...net) => loadNet(ort, ...net) };
  } catch (error) {
    return `${kPackage} does not load: ${error instanceof Error ? lastLine(error.message) : String(error)}`;
  }
}

async function loadNet(
  ort: OrtModule,
  model: Uint8Array,
  input: Blob,
  values: Float32Array,
  output: Blob,
  threads: number,
): Promise<PeerNet> {
  const session = await ort.InferenceSession.create(model, {
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const feeds = { [input.name]: new ort.Tensor('float32', values, input.shape) };
  return {
    run: async () => (await session.run(feeds))[output.name]?.data ?? new Float32Array(0),
    close: () => session.release(),
  };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
