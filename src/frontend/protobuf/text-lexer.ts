// Tokens of protobuf's text form: names, numbers, strings and punctuation, with line and column for every one.
// Comments (# to the end of the line) and white space are dropped. Strings are decoded to bytes, as protobuf means them.

import { fail } from '../../errors.js';

export type TokenKind = 'name' | 'number' | 'string' | 'punctuation' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a string the opening quote only. */
  readonly text: string;
  /** Content of a string. */
  readonly bytes?: Uint8Array;
  readonly at: number;
}

const kBlank = /(?:[ \t\r\n\f\v]+|#[^\n]*)+/y;
const kName = /[A-Za-z_][A-Za-z0-9_]*/y;
const kNumber = /0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?/y;
const kPlain = /[^"'\\\n]+/y;
const kUtf8 = new TextEncoder();

export class TextLexer {
  private readonly text: string;
  private readonly file: string | undefined;
  private at = 0;
  token: Token = { kind: 'end', text: '', at: 0 };

  constructor(text: string, file?: string) {
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text;
    this.file = file;
    this.advance();
  }

  /** Refuses the input at a token (the current one by default), with line and column. */
  refuse(
    message: string,
    detail: { expected?: string; got?: string; remedy?: string } = {},
    at = this.token.at,
  ): never {
    const before = this.text.slice(0, at);
    const line = before.split('\n').length;
    const column = at - before.lastIndexOf('\n');
    return fail('invalid-model', message, {
      where: { ...(this.file === undefined ? {} : { file: this.file }), line, column },
      ...detail,
    });
  }

  /** The current token as a reader names it in a message. */
  describe(): string {
    const { kind, text } = this.token;
    if (kind === 'end') return 'the end of the text';
    return kind === 'string' ? 'a string' : `'${text}'`;
  }

  isPunctuation(text: string): boolean {
    return this.token.kind === 'punctuation' && this.token.text === text;
  }

  /** Takes the punctuation if it is next. */
  accept(text: string): boolean {
    if (!this.isPunctuation(text)) return false;
    this.advance();
    return true;
  }

  /** The current token, which is consumed. */
  take(): Token {
    const token = this.token;
    this.advance();
    return token;
  }

  private advance(): void {
    this.match(kBlank);
    const at = this.at;
    const first = this.text[at];
    if (first === undefined) {
      this.token = { kind: 'end', text: '', at };
    } else if (first === '"' || first === "'") {
      this.token = { kind: 'string', text: first, bytes: this.readString(first), at };
    } else {
      const name = this.match(kName);
      const number = name === undefined ? this.match(kNumber) : undefined;
      const text = name ?? number ?? first;
      if (name === undefined && number === undefined) this.at++;
      this.token = { kind: name !== undefined ? 'name' : number !== undefined ? 'number' : 'punctuation', text, at };
      if (number !== undefined && /[A-Za-z0-9_.]/.test(this.text[this.at] ?? ' '))
        this.refuse('malformed number', {}, at);
    }
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    this.at = pattern.lastIndex;
    return found[0];
  }

  private readString(quote: string): Uint8Array {
    const start = this.at++;
    const pieces: Uint8Array[] = [];
    for (;;) {
      const plain = this.match(kPlain);
      if (plain !== undefined) pieces.push(kUtf8.encode(plain));
      const next = this.text[this.at];
      if (next === undefined || next === '\n') this.refuse('the string is not closed on its line', {}, start);
      this.at++;
      if (next === quote) return join(pieces);
      pieces.push(next === '\\' ? this.readEscape() : kUtf8.encode(next));
    }
  }

  /** The bytes of an escape; the cursor is behind its backslash. */
  private readEscape(): Uint8Array {
    const start = this.at - 1;
    const octal = this.match(/[0-7]{1,3}/y);
    if (octal !== undefined) return Uint8Array.of(Number.parseInt(octal, 8) & 0xff);
    const hex = this.match(/[xX][0-9a-fA-F]{1,2}/y);
    if (hex !== undefined) return Uint8Array.of(Number.parseInt(hex.slice(1), 16));
    const unicode = this.match(/u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}/y);
    if (unicode !== undefined) {
      const codePoint = Number.parseInt(unicode.slice(1), 16);
      if (codePoint > 0x10ffff) this.refuse('no such character', { got: `\\${unicode}` }, start);
      return kUtf8.encode(String.fromCodePoint(codePoint));
    }
    const letter = this.text[this.at] ?? '';
    const code = kEscapes.get(letter);
    if (code === undefined) return this.refuse('unknown escape in a string', { got: `\\${letter}` }, start);
    this.at++;
    return Uint8Array.of(code);
  }
}

const kEscapes: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['b', 8],
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
  ['"', 34],
  ["'", 39],
  ['?', 63],
  ['\\', 92],
]);

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const joined = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
