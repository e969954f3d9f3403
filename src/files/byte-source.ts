// Byte sources: random access to a file of any size, or to bytes in memory, behind one small interface.
// Files are read through their descriptor in pieces, so 2 GiB is no limit and nothing is held that is not asked for.
// Only regular files are opened (a pipe or a device would block or never end); every failure is a CompileError.

import fs from 'node:fs';
import { fail } from '../errors.js';

export interface ByteSource {
  /** Path of the file; absent for bytes in memory. */
  readonly file?: string;
  readonly sizeBytes: number;
  /** Fills `target` from `offsetBytes`; the caller keeps inside `sizeBytes`. */
  read(offsetBytes: number, target: Uint8Array): void;
  /** The bytes [offsetBytes, offsetBytes + lengthBytes): a view where the source lies in memory, else a fresh copy. */
  slice(offsetBytes: number, lengthBytes: number): Uint8Array;
}

/** A file's path, or its content. */
export type FileOrBytes = string | Uint8Array;

/** One read call moves at most this much: the kernel's own limit is just under 2 GiB. */
const kReadCallBytes = 2 ** 30;

export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,
    read: (offsetBytes, target) => target.set(bytes.subarray(offsetBytes, offsetBytes + target.length)),
    slice: (offsetBytes, lengthBytes) => bytes.subarray(offsetBytes, offsetBytes + lengthBytes),
  };
}

/** Opens the file (or wraps the bytes), hands the source to `use` and closes it again, whatever happens. */
export function withByteSource<T>(origin: FileOrBytes, use: (source: ByteSource) => T): T {
  if (typeof origin !== 'string') return use(memorySource(origin));
  const sizeBytes = regularFileSize(origin);
  const descriptor = attempt(origin, () => fs.openSync(origin, 'r'));
  try {
    return use(fileSource(origin, descriptor, sizeBytes));
  } finally {
    fs.closeSync(descriptor);
  }
}

/** The whole content; refuses more than `limitBytes`. */
export function readAll(source: ByteSource, limitBytes: number, what: string): Uint8Array {
  if (source.sizeBytes > limitBytes) {
    fail('invalid-model', `${what} is too large`, {
      where: whereIn(source),
      expected: `at most ${limitBytes} bytes`,
      got: `${source.sizeBytes} bytes`,
    });
  }
  return source.slice(0, source.sizeBytes);
}

/** `where` of a problem in this source; empty for bytes in memory without an offset. */
export function whereIn(source: ByteSource, offsetBytes?: number): { file?: string; offsetBytes?: number } {
  return {
    ...(source.file === undefined ? {} : { file: source.file }),
    ...(offsetBytes === undefined ? {} : { offsetBytes }),
  };
}

/** Runs a file-system call and turns its failure into a problem that names the file. */
export function attempt<T>(file: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    return fail('invalid-model', `cannot be read: ${reasonOf(error)}`, { where: { file } });
  }
}

function regularFileSize(file: string): number {
  const status = attempt(file, () => fs.statSync(file));
  if (status.isDirectory()) fail('invalid-model', 'is a directory', { where: { file }, expected: 'a file' });
  if (!status.isFile()) fail('invalid-model', 'is not a regular file', { where: { file } });
  return status.size;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return error instanceof Error ? error.message : String(error);
}

function fileSource(file: string, descriptor: number, sizeBytes: number): ByteSource {
  const read = (offsetBytes: number, target: Uint8Array): void => {
    let done = 0;
    while (done < target.length) {
      const length = Math.min(kReadCallBytes, target.length - done);
      const got = attempt(file, () => fs.readSync(descriptor, target, done, length, offsetBytes + done));
      if (got === 0) fail('invalid-model', 'became shorter while being read', { where: { file } });
      done += got;
    }
  };
  const slice = (offsetBytes: number, lengthBytes: number): Uint8Array => {
    const bytes = new Uint8Array(lengthBytes);
    read(offsetBytes, bytes);
    return bytes;
  };
  return { file, sizeBytes, read, slice };
}
