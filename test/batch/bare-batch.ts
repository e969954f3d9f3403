// Batch programs for machines without an operating system: how they are linked for the emulated boards, and run. A net that
// crashes ends the program; it is started again behind that net.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Target } from '../../src/build/target.js';
import { type NetResult, readResults } from './batch-files.js';

/** Sources below runtime/ that take the C library's and the system's place. */
export const kBareSources: readonly string[] = ['startup', 'semihosting', 'library', 'math_functions'].map(
  (name) => `bare/${name}.cc`,
);

export const kBareLinkFlags: readonly string[] = [
  '-nostdlib',
  '-nostartfiles',
  '-Wl,--gc-sections',
  '-Wl,--no-warn-rwx-segments',
  '-T',
  'batch.ld',
];

/** Origins and sizes of what the boards have beside the regions of the target files: room for many nets. */
const kBoards: { readonly [machine: string]: readonly string[] } = {
  'mps2-an386': [
    'code : ORIGIN = 0x00000000, LENGTH = 4M',
    'data : ORIGIN = 0x20000000, LENGTH = 4M',
    'heap : ORIGIN = 0x21000000, LENGTH = 16M',
  ],
  'mps2-an500': [
    'code : ORIGIN = 0x00000000, LENGTH = 4M',
    'data : ORIGIN = 0x20000000, LENGTH = 4M',
    'heap : ORIGIN = 0x60000000, LENGTH = 16M',
  ],
  'mps3-an547': [
    'code : ORIGIN = 0x11000000, LENGTH = 2M',
    'vectors : ORIGIN = 0x10000000, LENGTH = 512K',
    'data : ORIGIN = 0x31000000, LENGTH = 2M',
    'heap : ORIGIN = 0x60000000, LENGTH = 16M',
  ],
};

const kStackBytes = 256 * 1024;
const kTimeLimitMs = 5 * 60 * 1000;

/** `batch.ld`. */
export function batchLinkerScript({ runner }: Target): string {
  const memory = kBoards[runner.machine ?? ''];
  if (memory === undefined) throw new Error(`batch programs know no memory of board ${runner.machine ?? '(none)'}`);
  const vectors = memory.some((line) => line.startsWith('vectors')) ? 'vectors' : 'code';
  return `ENTRY(cortado_reset)
MEMORY
{
  ${memory.join('\n  ')}
}
SECTIONS
{
  .code.vectors : ALIGN(4) { KEEP(*(.cortado_vectors)) } > ${vectors}
  .code : ALIGN(8) { *(.text .text.*) *(.rodata .rodata.*) . = ALIGN(8); } > code
  .unwind : { *(.ARM.exidx*) *(.ARM.extab*) } > code
  .stack (NOLOAD) : ALIGN(8)
  {
    cortado_stack_begin = .;
    . += ${kStackBytes};
    cortado_stack_end = .;
  } > data
  .data : ALIGN(8) { cortado_data_begin = .; *(.data .data.*) . = ALIGN(8); cortado_data_end = .; } > data AT > code
  cortado_data_load = LOADADDR(.data);
  .zero (NOLOAD) : ALIGN(8) { cortado_zero_begin = .; *(.bss .bss.* COMMON) . = ALIGN(8); cortado_zero_end = .; } > data
  batch_heap_begin = ORIGIN(heap);
  batch_heap_end = ORIGIN(heap) + LENGTH(heap);
  /DISCARD/ : { *(.comment) *(.ARM.attributes) }
}
`;
}

/** Runs `batch` on `inputs`, both in the folder; results of all nets in order. */
export async function runBareBatch(folder: string, { runner }: Target, nets: number): Promise<readonly NetResult[]> {
  const inputBytes = readFileSync(join(folder, 'inputs')).length;
  const quiet = ['-display', 'none', '-monitor', 'none', '-serial', 'null', '-parallel', 'null', '-nodefaults'];
  const args = ['-M', runner.machine ?? '', ...quiet, '-semihosting-config', 'enable=on,target=native'];
  const results: NetResult[] = [];
  while (results.length < nets) {
    const request = BigInt64Array.of(BigInt(results.length), BigInt(inputBytes));
    writeFileSync(join(folder, 'request'), new Uint8Array(request.buffer));
    writeFileSync(join(folder, 'results'), '');
    const done = await execa('qemu-system-arm', [...args, '-kernel', 'batch'], {
      cwd: folder,
      reject: false,
      stdin: 'ignore',
      all: true,
      timeout: kTimeLimitMs,
    });
    results.push(...readResults(readFileSync(join(folder, 'results')), nets - results.length));
    if (done.exitCode === 0 && results.length < nets) throw new Error('the batch program ended too early');
    if (results.length < nets) results.push(crashOf(done.timedOut, String(done.all ?? '')));
  }
  return results;
}

function crashOf(isTimeOut: boolean, printed: string): NetResult {
  if (printed.includes('batch: out of memory')) return { kind: 'too-large' };
  return { kind: 'crashed', how: isTimeOut ? `no end within ${kTimeLimitMs / 1000} s` : printed.trim() };
}
