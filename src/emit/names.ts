// Names in generated code. C identifiers are made from net and blob names injectively: two different names never meet.

/**
 * A C identifier for any name: letters, digits and `_` stay, every other byte becomes `_xHH_`. An underscore that would
 * read like such an escape is escaped itself, and so is a leading digit: `a/b` gives `a_x2f_b`, `1` gives `_x31_`.
 */
export function mangle(name: string): string {
  let mangled = '';
  for (const [i, byte] of [...new TextEncoder().encode(name)].entries()) {
    const letter = String.fromCharCode(byte);
    const isWord = /[A-Za-z0-9_]/.test(letter);
    const looksEscaped = letter === '_' && /^_x[0-9a-f]{2}_/.test(name.slice(i));
    const leadingDigit = i === 0 && /[0-9]/.test(letter);
    mangled += isWord && !looksEscaped && !leadingDigit ? letter : `_x${byte.toString(16).padStart(2, '0')}_`;
  }
  return mangled === '' ? '_x_' : mangled;
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

/** Text that is safe inside a line comment: no line breaks, no trailing backslash. */
export function commentText(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replace(/\\+$/, '');
}
