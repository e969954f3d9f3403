// Plain objects to protobuf's text form, following a message shape: what decode-text reads back to the same object.
// Floats are printed with the fewest digits that give the same float32 again; bytes are escaped to plain ASCII.

import { fail } from '../../errors.js';
import { kMaxMessageDepth, type Scalar } from './message-draft.js';
import type { FieldShape, MessageShape, ScalarField } from './schema.js';

/** The text form, one field a line, two spaces per level. */
export function printText(shape: MessageShape, message: object): string {
  const lines: string[] = [];
  printFields(shape, message, lines, 1);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function printFields(shape: MessageShape, message: object, lines: string[], depth: number): void {
  if (depth > kMaxMessageDepth) fail('invalid-model', `messages are nested more than ${kMaxMessageDepth} deep`);
  for (const field of shape.fields) {
    const value = (message as Readonly<Record<string, unknown>>)[field.property];
    if (value === undefined) continue;
    const items = field.repeated ? (value as Iterable<unknown>) : [value];
    for (const item of items) printField(field, item, lines, depth);
  }
}

function printField(field: FieldShape, value: unknown, lines: string[], depth: number): void {
  const indent = '  '.repeat(depth - 1);
  if (field.kind !== 'message') {
    lines.push(`${indent}${field.name}: ${scalarText(field, value as Scalar)}`);
    return;
  }
  lines.push(`${indent}${field.name} {`);
  printFields(field.message(), value as object, lines, depth + 1);
  lines.push(`${indent}}`);
}

function scalarText(field: ScalarField, value: Scalar): string {
  switch (field.kind) {
    case 'string':
    case 'bytes':
      return quote(typeof value === 'string' ? new TextEncoder().encode(value) : (value as Uint8Array));
    case 'float':
      return floatText(Number(value), 9, Math.fround);
    case 'double':
      return floatText(Number(value), 17, (x) => x);
    case 'bool':
      return value === true || value === 1 ? 'true' : 'false';
    case 'enum':
      return enumText(field, Number(value));
    default:
      return String(value);
  }
}

function enumText(field: ScalarField, value: number): string {
  for (const [name, number] of field.enumValues ?? []) if (number === value) return name;
  return String(value);
}

/** Fewest significant digits, from 6 on, that `round` takes back to the value: 0.1f prints as 0.1. */
function floatText(value: number, maxDigits: number, round: (x: number) => number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0';
  for (let digits = 6; digits < maxDigits; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (round(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(maxDigits)));
}

function quote(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte === 0x0a) text += '\\n';
    else if (byte < 0x20 || byte >= 0x7f) text += `\\${byte.toString(8).padStart(3, '0')}`;
    else text += String.fromCharCode(byte);
  }
  return `"${text}"`;
}
