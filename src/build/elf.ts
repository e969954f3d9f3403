// Reads section headers and symbols of a 32-bit little-endian ELF file: what images of Cortex-M machines are.

import { fail } from '../errors.js';

export interface ElfSection {
  readonly name: string;
  readonly address: number;
  readonly sizeBytes: number;
  readonly offsetBytes: number;
  /** False for memory that the file holds no bytes of. */
  readonly hasBytes: boolean;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  readonly sizeBytes: number;
  readonly isDefined: boolean;
}

export interface ElfFile {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** The bytes of a section; undefined when there is none of that name. */
  content(name: string): Uint8Array | undefined;
}

const kNoBits = 8;
const kSymbolTable = 2;
const kSymbolBytes = 16;
const kHeaderBytes = 52;
const kSectionBytes = 40;

/** Parses the file; fails with its name when it is of another kind or cut short. */
export function readElf(bytes: Buffer, file: string): ElfFile {
  if (!isElf32(bytes)) return fail('bad-option', 'is no 32-bit little-endian ELF file', { where: { file } });
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof RangeError) return fail('bad-option', 'the ELF file is cut short', { where: { file } });
    throw error;
  }
}

export function isElf32(bytes: Uint8Array): boolean {
  const head = [0x7f, 0x45, 0x4c, 0x46, 1, 1];
  return bytes.length >= kHeaderBytes && head.every((byte, i) => bytes[i] === byte);
}

interface RawSection extends ElfSection {
  readonly type: number;
  readonly link: number;
}

function parse(bytes: Buffer): ElfFile {
  const start = bytes.readUInt32LE(32);
  const count = bytes.readUInt16LE(48);
  const raw = Array.from({ length: count }, (_, i) => {
    const at = start + i * kSectionBytes;
    const word = (index: number): number => bytes.readUInt32LE(at + 4 * index);
    return {
      nameAt: word(0),
      type: word(1),
      address: word(3),
      offsetBytes: word(4),
      sizeBytes: word(5),
      link: word(6),
    };
  });
  const names = raw[bytes.readUInt16LE(50)]?.offsetBytes ?? 0;
  const sections = raw.map(
    ({ nameAt, ...rest }): RawSection => ({
      ...rest,
      name: textAt(bytes, names + nameAt),
      hasBytes: rest.type !== kNoBits,
    }),
  );
  return {
    sections,
    symbols: sections.filter(({ type }) => type === kSymbolTable).flatMap((table) => symbolsOf(bytes, table, sections)),
    content: (name) => {
      const section = sections.find((own) => own.name === name && own.hasBytes);
      return section === undefined
        ? undefined
        : bytes.subarray(section.offsetBytes, section.offsetBytes + section.sizeBytes);
    },
  };
}

function symbolsOf(bytes: Buffer, table: RawSection, sections: readonly RawSection[]): readonly ElfSymbol[] {
  const names = sections[table.link]?.offsetBytes ?? 0;
  return Array.from({ length: table.sizeBytes / kSymbolBytes }, (_, i) => {
    const at = table.offsetBytes + i * kSymbolBytes;
    return {
      name: textAt(bytes, names + bytes.readUInt32LE(at)),
      value: bytes.readUInt32LE(at + 4),
      sizeBytes: bytes.readUInt32LE(at + 8),
      isDefined: bytes.readUInt16LE(at + 14) !== 0,
    };
  });
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at, bytes.indexOf(0, at));
}
