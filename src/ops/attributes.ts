// Attribute declarations of operators: kind, default, doc. Nodes always carry every declared attribute with its
// declared kind; missing ones take their default, unknown ones are refused.

import { fail } from '../errors.js';
import { printExpr, type ScalarExpr } from '../ir/expr.js';
import type { Attrs, AttrValue } from '../ir/graph.js';
import { parseExpr } from '../ir/parse-expr.js';

export interface AttrSpec<T extends AttrValue> {
  readonly kind: 'int' | 'float' | 'bool' | 'string' | 'ints' | 'floats' | 'strings' | 'expr';
  readonly doc: string;
  /** Undefined: the attribute is required. */
  readonly default: T | undefined;
}

export type AttrSpecs = { readonly [name: string]: AttrSpec<AttrValue> };

/** The attribute record that a spec record describes. */
export type AttrsOf<S extends AttrSpecs> = { readonly [K in keyof S]: S[K] extends AttrSpec<infer T> ? T : never };

export function int(doc: string, fallback?: number): AttrSpec<number> {
  return { kind: 'int', doc, default: fallback };
}

export function float(doc: string, fallback?: number): AttrSpec<number> {
  return { kind: 'float', doc, default: fallback };
}

export function bool(doc: string, fallback?: boolean): AttrSpec<boolean> {
  return { kind: 'bool', doc, default: fallback };
}

export function text(doc: string, fallback?: string): AttrSpec<string> {
  return { kind: 'string', doc, default: fallback };
}

export function ints(doc: string, fallback?: readonly number[]): AttrSpec<readonly number[]> {
  return { kind: 'ints', doc, default: fallback };
}

export function floats(doc: string, fallback?: readonly number[]): AttrSpec<readonly number[]> {
  return { kind: 'floats', doc, default: fallback };
}

export function strings(doc: string, fallback?: readonly string[]): AttrSpec<readonly string[]> {
  return { kind: 'strings', doc, default: fallback };
}

export function expression(doc: string): AttrSpec<ScalarExpr> {
  return { kind: 'expr', doc, default: undefined };
}

/** Fills defaults and checks kinds; fails with an internal problem, since importers are to blame for bad attributes. */
export function completeAttrs(op: string, specs: AttrSpecs, given: Attrs): Attrs {
  for (const name of Object.keys(given)) {
    if (!(name in specs)) fail('internal', `operator ${op} has no attribute ${name}`);
  }
  const complete: { [name: string]: AttrValue } = {};
  for (const [name, spec] of Object.entries(specs)) {
    const value = given[name] ?? spec.default;
    if (value === undefined) fail('internal', `operator ${op} needs the attribute ${name}`);
    if (!hasKind(value, spec.kind))
      fail('internal', `attribute ${name} of ${op} must be ${spec.kind}`, { got: attrToString(value) });
    complete[name] = value;
  }
  return complete;
}

function hasKind(value: AttrValue, kind: AttrSpec<AttrValue>['kind']): boolean {
  const isList = (element: string): boolean => Array.isArray(value) && value.every((x) => typeof x === element);
  switch (kind) {
    case 'int':
      return Number.isInteger(value);
    case 'float':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string';
    case 'ints':
    case 'floats':
      return isList('number');
    case 'strings':
      return isList('string');
    case 'expr':
      return typeof value === 'object' && 'kind' in value;
  }
}

/** Text of an attribute value in the IR: 3, 0.5, true, "text", [1,2], {add($0,$1)}. */
export function attrToString(value: AttrValue): string {
  if (typeof value === 'object' && 'kind' in value) return `{${printExpr(value)}}`;
  if (typeof value === 'number') return numberToString(value);
  if (Array.isArray(value)) return `[${(value as readonly AttrValue[]).map(attrToString).join(',')}]`;
  return JSON.stringify(value);
}

function numberToString(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Reads what attrToString writes. */
export function parseAttr(source: string): AttrValue {
  const trimmed = source.trim();
  if (trimmed.startsWith('{')) return parseExpr(trimmed.slice(1, -1));
  if (trimmed === 'nan') return Number.NaN;
  if (trimmed === 'inf') return Number.POSITIVE_INFINITY;
  if (trimmed === '-inf') return Number.NEGATIVE_INFINITY;
  if (trimmed === '-0') return -0;
  if (/^\[[^"]*\]$/.test(trimmed)) {
    const elements = trimmed.slice(1, -1).trim();
    return elements === '' ? [] : elements.split(',').map((element) => parseAttr(element) as number);
  }
  try {
    return JSON.parse(trimmed) as AttrValue;
  } catch {
    return fail('invalid-model', `bad attribute value ${trimmed}`);
  }
}
