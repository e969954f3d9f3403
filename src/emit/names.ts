// Names in generated code. C identifiers are made from net and blob names injectively: two different names never meet.

import { createHash } from 'node:crypto';

/** Prefixes that would meet names of the runtime, of generated code or of folders beside the executable. */
const kReserved = /^(?:cortado(?:_.*)?|run|lib|include|share)$/;
/** File names of 255 bytes are the limit of most systems; prefixes get suffixes. */
const kMaxLength = 100;
const kHashLength = 16;

/**
 * A C identifier for any name: letters, digits and `_` stay, every other byte becomes `_xHH_`. An underscore that would
 * read like such an escape is escaped itself, and so is a leading digit: `a/b` gives `a_x2f_b`, `1` gives `_x31_`.
 * What is reserved gets its first letter escaped; what is too long ends in a hash.
 */
export function mangle(name: string): string {
  const bytes = Buffer.from(name, 'utf8').toString('latin1');
  // An underscore alone is never escaped, so no other name gives this.
  if (bytes === '') return '_x5f_';
  const isReserved = kReserved.test(bytes);
  const mangled = bytes.replace(/./gs, (letter, i: number) => {
    const looksEscaped = /^_x[0-9a-f]{2}[^A-Za-z0-9]/.test(bytes.slice(i, i + 5));
    const isPlain = /[A-Za-z0-9_]/.test(letter) && !looksEscaped && !(i === 0 && (isReserved || /[0-9]/.test(letter)));
    return isPlain ? letter : `_x${letter.charCodeAt(0).toString(16).padStart(2, '0')}_`;
  });
  if (mangled.length <= kMaxLength) return mangled;
  // Longer than any unshortened one, so the two kinds never meet.
  const hash = createHash('sha256').update(name).digest('hex').slice(0, kHashLength);
  return `${mangled.slice(0, kMaxLength - kHashLength)}_h${hash}`;
}

/** `conv1/7x7_s2` gives `Conv17x7S2`: readable, not injective; pair it with a Namer. */
export function pascal(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return /^[0-9]/.test(joined) ? `N${joined}` : joined;
}

/** Hands out each name once: a second `kInData` becomes `kInData2`. */
export class Namer {
  private readonly used = new Set<string>();

  unique(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.used.has(name); i++) name = `${wanted}${/[0-9]$/.test(wanted) ? '_' : ''}${i}`;
    this.used.add(name);
    return name;
  }
}

/** A C string literal. */
export function cString(text: string): string {
  const escaped = [...new TextEncoder().encode(text)].map((byte) => {
    const letter = String.fromCharCode(byte);
    if (letter === '"' || letter === '\\') return `\\${letter}`;
    // Octal escapes end after three digits, so a following digit cannot join them; ? avoids trigraphs.
    return byte < 32 || byte > 126 || letter === '?' ? `\\${byte.toString(8).padStart(3, '0')}` : letter;
  });
  return `"${escaped.join('')}"`;
}

/** Text that is safe inside a comment of C, CMake and the like: it neither ends the comment nor the line nor begins another. */
export function commentText(text: string): string {
  return text
    .replace(kUnprintable, ' ')
    .replace(/\/(?=\*)|\*(?=\/)/g, '$& ')
    .replace(/\?(?=\?)/g, '? ')
    .replace(/[\s\\]+$/, '');
}

/** Line breaks of any kind, other control characters and those that reverse the direction of writing. */
const kUnprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu;
