// A cursor over text of the IR: skips blanks and `//` comments, takes tokens, and knows file, line and column.

import { CompileError, fail, type Where } from '../errors.js';
import { TypeReader } from '../ir/parse-dim.js';
import type { TensorType } from '../ir/type.js';

const kBlanks = /(?:\s|\/\/[^\n]*)*/y;
const kIdentifier = /[A-Za-z_]\w*/y;
const kString = /"(?:[^"\\\n]|\\.)*"/y;
const kName = /%(?:[A-Za-z0-9_./-]+|"(?:[^"\\\n]|\\.)*")/y;
const kScalar = /[^\s,()[\]{}"]+/y;

export class TextReader {
  /** Where the next token is looked for, and where the last one began. */
  at = 0;
  last = 0;

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {}

  isAtEnd(): boolean {
    this.skip();
    return this.at >= this.text.length;
  }

  whereOf(at: number): Where {
    const before = this.text.slice(0, at).split('\n');
    return { file: this.file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  }

  /** Fails at the next token. */
  bad(message: string): never {
    this.skip();
    return fail('invalid-model', message, { where: this.whereOf(this.at) });
  }

  peeks(symbol: string): boolean {
    this.skip();
    return this.text.startsWith(symbol, this.at);
  }

  /** Takes a symbol if it comes next. */
  takes(symbol: string): boolean {
    if (!this.peeks(symbol)) return false;
    this.last = this.at;
    this.at += symbol.length;
    return true;
  }

  symbol(symbol: string): void {
    if (!this.takes(symbol)) this.bad(`expected '${symbol}'`);
  }

  takesWord(word: string): boolean {
    const start = this.at;
    if (this.match(kIdentifier) === word) return true;
    this.at = start;
    return false;
  }

  word(word: string): void {
    if (!this.takesWord(word)) this.bad(`expected ${word}`);
  }

  identifier(): string {
    return this.match(kIdentifier) ?? this.bad('expected a name');
  }

  string(): string {
    return JSON.parse(this.match(kString) ?? this.bad('expected a text in quotes')) as string;
  }

  /** `%conv1` or `%"with blanks"`. */
  valueName(): string {
    const text = (this.match(kName) ?? this.bad('expected a value')).slice(1);
    return text.startsWith('"') ? (JSON.parse(text) as string) : text;
  }

  type(): TensorType {
    this.skip();
    const types = new TypeReader(this.text, this.at);
    try {
      const type = types.type();
      this.at = types.at;
      return type;
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      this.at = types.at;
      return this.bad(error.problems[0]?.message ?? 'expected a type');
    }
  }

  /** A number, word or text, or everything between matching brackets, as it is written. */
  token(): string {
    this.skip();
    const start = this.at;
    let depth = 0;
    do {
      const symbol = this.text[this.at];
      if (symbol === '"') this.match(kString) ?? this.bad('the text does not end');
      else if (symbol === '[' || symbol === '{' || symbol === '(') {
        depth += 1;
        this.at += 1;
      } else if (symbol === ']' || symbol === '}' || symbol === ')') {
        depth -= 1;
        this.at += 1;
      } else if (symbol === ',' && depth > 0) this.at += 1;
      else this.match(kScalar) ?? this.bad('expected a value');
      if (depth > 0) this.skip();
    } while (depth > 0);
    if (depth < 0) {
      this.at = start;
      this.bad('expected a value');
    }
    this.last = start;
    return this.text.slice(start, this.at);
  }

  /** Items separated by commas up to a closing symbol, which is taken. */
  list<T>(close: string, item: () => T): readonly T[] {
    if (this.takes(close)) return [];
    const items = this.separated(item);
    this.symbol(close);
    return items;
  }

  /** At least one item, separated by commas. */
  separated<T>(item: () => T): readonly T[] {
    const items = [item()];
    while (this.takes(',')) items.push(item());
    return items;
  }

  /** The named groups of a sticky pattern, if it matches next. */
  takesPattern(pattern: RegExp): { readonly [name: string]: string | undefined } | undefined {
    this.skip();
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    this.at += found[0].length;
    return found.groups ?? {};
  }

  private match(pattern: RegExp): string | undefined {
    this.skip();
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.last = this.at;
    this.at += found.length;
    return found;
  }

  private skip(): void {
    kBlanks.lastIndex = this.at;
    this.at += kBlanks.exec(this.text)?.[0].length ?? 0;
  }
}
