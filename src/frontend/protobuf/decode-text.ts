// Protobuf's text form (.pbtxt, .prototxt) to plain objects, following a message shape. Strict where protobuf's own
// parser is: unknown fields, a singular field given twice and numbers outside their type are refused, with line and
// column. Extensions and Any values are not known.

import { kMaxMessageDepth, MessageDraft, ObjectBudget, type Scalar } from './message-draft.js';
import { elementSizeBytes, isNumberKind, type NumberKind, type NumberList } from './number-list.js';
import type { FieldShape, MessageField, MessageShape, ScalarField } from './schema.js';
import { TextLexer } from './text-lexer.js';

const kUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads one message from its text form; `file` only names the place in errors. */
export function decodeText(shape: MessageShape, text: string, file?: string): object {
  const lexer = new TextLexer(text, file);
  const draft = new MessageDraft(shape, new ObjectBudget((message) => lexer.refuse(message)));
  readFields(lexer, draft, undefined, 1);
  return draft.finish((message, field) => lexer.refuse(`${message} without its required field ${field}`));
}

/** Fields up to the closing bracket (taken), or up to the end of the text when there is none. */
function readFields(lexer: TextLexer, draft: MessageDraft, close: string | undefined, depth: number): void {
  for (;;) {
    if (close !== undefined && lexer.accept(close)) return;
    if (lexer.token.kind === 'end' && close === undefined) return;
    if (lexer.token.kind !== 'name') {
      lexer.refuse(`a field of ${draft.shape.name} is missing`, {
        expected: close === undefined ? 'a field name' : `a field name or '${close}'`,
        got: lexer.describe(),
      });
    }
    readField(lexer, draft, depth);
    if (!lexer.accept(',')) lexer.accept(';');
  }
}

function readField(lexer: TextLexer, draft: MessageDraft, depth: number): void {
  const { shape } = draft;
  const field = shape.byName.get(lexer.token.text);
  if (field === undefined) {
    lexer.refuse(`${shape.name} has no field '${lexer.token.text}'`, {
      expected: `one of ${shape.fields.map(({ name }) => name).join(', ')}`,
    });
  }
  if (!field.repeated && draft.has(field)) lexer.refuse(`'${field.name}' is given twice`);
  lexer.take();
  const colon = lexer.accept(':');
  const readOne = (): void => {
    if (field.kind === 'message') readNested(lexer, draft, field, depth);
    else readScalar(lexer, draft, field);
  };
  if (field.kind !== 'message' && !colon) {
    lexer.refuse(`'${field.name}' has no value`, { expected: "':'", got: lexer.describe() });
  }
  if (field.repeated && lexer.accept('[')) readList(lexer, readOne);
  else readOne();
}

function readList(lexer: TextLexer, readOne: () => void): void {
  if (lexer.accept(']')) return;
  do readOne();
  while (lexer.accept(','));
  if (!lexer.accept(']')) lexer.refuse('the list is not closed', { expected: "',' or ']'", got: lexer.describe() });
}

function readNested(lexer: TextLexer, draft: MessageDraft, field: MessageField, depth: number): void {
  if (depth >= kMaxMessageDepth) lexer.refuse(`messages are nested more than ${kMaxMessageDepth} deep`);
  const close = lexer.accept('{') ? '}' : lexer.accept('<') ? '>' : undefined;
  if (close === undefined) {
    lexer.refuse(`'${field.name}' is a message`, { expected: "'{'", got: lexer.describe() });
  }
  readFields(lexer, draft.child(field), close, depth + 1);
}

function readScalar(lexer: TextLexer, draft: MessageDraft, field: ScalarField): void {
  if (!isNumberKind(field.kind)) {
    const value = readString(lexer, draft.shape, field);
    if (field.repeated) draft.append(field, value);
    else draft.set(field, value);
    return;
  }
  const value = readNumber(lexer, field, field.kind);
  if (field.repeated) pushNumber(draft.numbers(field), field.kind, value);
  else draft.set(field, value);
}

function readString(lexer: TextLexer, shape: MessageShape, field: ScalarField): Scalar {
  const at = lexer.token.at;
  const pieces: number[] = [];
  let first: Uint8Array | undefined;
  while (lexer.token.bytes !== undefined) {
    const bytes = lexer.token.bytes;
    if (first === undefined) first = bytes;
    else for (const byte of bytes) pieces.push(byte);
    lexer.take();
  }
  if (first === undefined) {
    return lexer.refuse(`'${field.name}' is a string`, { expected: 'a quoted string', got: lexer.describe() });
  }
  const bytes = pieces.length === 0 ? first : Uint8Array.from([...first, ...pieces]);
  if (field.kind === 'bytes') return bytes;
  try {
    return kUtf8.decode(bytes);
  } catch {
    return lexer.refuse(`${shape.name}.${field.name} is not UTF-8 text`, {}, at);
  }
}

/** A number of the kind: bigint for 64-bit integers, boolean for bool, number for the rest. */
function readNumber(lexer: TextLexer, field: FieldShape, kind: NumberKind): Scalar {
  const at = lexer.token.at;
  const negative = lexer.accept('-');
  const { kind: tokenKind, text } = lexer.token;
  const number = tokenKind === 'name' ? namedNumber(text, field) : tokenKind === 'number' ? text : undefined;
  const value = number === undefined ? undefined : convert(kind, number, negative);
  if (value === undefined) {
    const expected = field.kind === 'enum' ? enumNames(field) : kExpected[kind];
    const got = `${negative ? '-' : ''}${lexer.describe()}`;
    return lexer.refuse(`bad value for '${field.name}'`, { expected, got }, at);
  }
  lexer.take();
  return value;
}

const kExpected: { readonly [K in NumberKind]: string } = {
  float: 'a number',
  double: 'a number',
  int32: 'an integer of 32 bits',
  uint32: 'a non-negative integer of 32 bits',
  int64: 'an integer of 64 bits',
  uint64: 'a non-negative integer of 64 bits',
  bool: 'true or false',
  enum: 'a name of the enum',
};

function enumNames(field: ScalarField): string {
  return `one of ${[...(field.enumValues?.keys() ?? [])].join(', ')}`;
}

/** The digits that a bare word stands for in this field. */
function namedNumber(word: string, field: FieldShape): string | undefined {
  if (field.kind === 'enum') return field.enumValues?.get(word)?.toString();
  if (field.kind === 'bool')
    return /^(?:true|True|t)$/.test(word) ? '1' : /^(?:false|False|f)$/.test(word) ? '0' : undefined;
  if (field.kind !== 'float' && field.kind !== 'double') return undefined;
  if (/^inf(?:inity)?f?$/i.test(word)) return 'Infinity';
  return /^nan$/i.test(word) ? 'NaN' : undefined;
}

function convert(kind: NumberKind, digits: string, negative: boolean): Scalar | undefined {
  if (kind === 'float' || kind === 'double') {
    const isHex = /^0x/i.test(digits);
    const magnitude = Number(isHex ? digits : digits.replace(/[fF]$/, ''));
    const value = negative ? -magnitude : magnitude;
    return kind === 'float' ? Math.fround(value) : value;
  }
  const magnitude = parseInteger(digits);
  if (magnitude === undefined) return undefined;
  const value = negative ? -magnitude : magnitude;
  const [low, high] = kRanges[kind];
  if (value < low || value > high) return undefined;
  if (kind === 'int64' || kind === 'uint64') return value;
  return kind === 'bool' ? value === 1n : Number(value);
}

const kInt32Range = [-(2n ** 31n), 2n ** 31n - 1n] as const;

const kRanges: { readonly [K in Exclude<NumberKind, 'float' | 'double'>]: readonly [bigint, bigint] } = {
  int32: kInt32Range,
  enum: kInt32Range,
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  bool: [0n, 1n],
};

/** Decimal, 0x hexadecimal or 0 octal digits. Long digit strings are refused before they cost time. */
function parseInteger(digits: string): bigint | undefined {
  if (digits.length > 64) return undefined;
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`);
  return /^(?:0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)$/.test(digits) ? BigInt(digits) : undefined;
}

const kWords = new DataView(new ArrayBuffer(8));

function pushNumber(list: NumberList, kind: NumberKind, value: Scalar): void {
  if (kind === 'float') kWords.setFloat32(0, Number(value), true);
  else if (kind === 'double') kWords.setFloat64(0, Number(value), true);
  else if (typeof value === 'bigint') kWords.setBigInt64(0, BigInt.asIntN(64, value), true);
  else kWords.setInt32(0, Number(value), true);
  if (elementSizeBytes(kind) === 8) list.pushWords(kWords.getInt32(0, true), kWords.getInt32(4, true));
  else list.pushWord(kWords.getInt32(0, true));
}
