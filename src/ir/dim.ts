// Dimensions: a number, or a bounded expression over symbols whose value is known only at run time (batch, RoI count).
// A dynamic dimension always carries its bounds, so memory is fixed at compile time. Expressions are kept in one
// normal form (a sum of integer multiples of products of atoms), so two dims are equal exactly when their keys are.
// Never evaluates anything at run time: the emitter prints expressions, the interpreter binds symbols to numbers.

import { fail } from '../errors.js';

/** An unknown known by name, with inclusive bounds: `batch` in 1..8. */
export interface DimSymbol {
  readonly kind: 'symbol';
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** floor(a / b) for a positive constant or dynamic b. */
interface DimQuotient {
  readonly kind: 'quotient';
  readonly dividend: Dim;
  readonly divisor: Dim;
}

/** min(a, b) or max(a, b). */
interface DimExtremum {
  readonly kind: 'min' | 'max';
  readonly a: Dim;
  readonly b: Dim;
}

export type DimAtom = DimSymbol | DimQuotient | DimExtremum;

/** coefficient * product of atoms. */
export interface DimTerm {
  readonly coefficient: number;
  readonly atoms: readonly DimAtom[];
}

/** A dimension that varies at run time: constant + sum of terms, within [min, max]. */
export interface DynamicDim {
  readonly kind: 'dynamic';
  readonly terms: readonly DimTerm[];
  readonly constant: number;
  readonly min: number;
  readonly max: number;
  /** Normal form as text: equality, maps, printing. */
  readonly key: string;
}

export type Dim = number | DynamicDim;
export type Shape = readonly Dim[];

export function isStatic(dim: Dim): dim is number {
  return typeof dim === 'number';
}

export function isStaticShape(shape: Shape): shape is readonly number[] {
  return shape.every(isStatic);
}

/** Largest value the dimension can take. */
export function dimMax(dim: Dim): number {
  return isStatic(dim) ? dim : dim.max;
}

/** Smallest value the dimension can take. */
export function dimMin(dim: Dim): number {
  return isStatic(dim) ? dim : dim.min;
}

export function dimEquals(a: Dim, b: Dim): boolean {
  return dimKey(a) === dimKey(b);
}

export function shapeEquals(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dimEquals(dim, b[i] ?? -1));
}

export function dimKey(dim: Dim): string {
  return isStatic(dim) ? String(dim) : dim.key;
}

/** A fresh symbol `name` in min..max; a symbol that can take one value only is that number. */
export function dimSymbol(name: string, min: number, max: number): Dim {
  if (min === max) return min;
  return normalize([{ coefficient: 1, atoms: [{ kind: 'symbol', name, min, max }] }], 0);
}

export function dimAdd(a: Dim, b: Dim): Dim {
  if (isStatic(a) && isStatic(b)) return a + b;
  return normalize([...termsOf(a), ...termsOf(b)], constantOf(a) + constantOf(b));
}

export function dimMul(a: Dim, b: Dim): Dim {
  if (isStatic(a) && isStatic(b)) return a * b;
  const left: readonly DimTerm[] = [...termsOf(a), { coefficient: constantOf(a), atoms: [] }];
  const right: readonly DimTerm[] = [...termsOf(b), { coefficient: constantOf(b), atoms: [] }];
  const products = left.flatMap((x) =>
    right.map((y) => ({ coefficient: x.coefficient * y.coefficient, atoms: [...x.atoms, ...y.atoms] })),
  );
  return normalize(products, 0);
}

export function dimSub(a: Dim, b: Dim): Dim {
  return dimAdd(a, dimMul(b, -1));
}

/** floor(a / b); exact when every term divides (8*N / 4 = 2*N, N*M / N = M). */
export function dimFloorDiv(a: Dim, b: Dim): Dim {
  if (isStatic(a) && isStatic(b)) return Math.floor(a / b);
  if (dimEquals(a, b)) return 1;
  if (b === 1) return a;
  const exact = divideExactly(a, b);
  if (exact !== undefined) return exact;
  return normalize([{ coefficient: 1, atoms: [{ kind: 'quotient', dividend: a, divisor: b }] }], 0);
}

/** ceil(a / b) for a positive number b. */
export function dimCeilDiv(a: Dim, b: number): Dim {
  return dimFloorDiv(dimAdd(a, b - 1), b);
}

export function dimMinOf(a: Dim, b: Dim): Dim {
  if (dimMax(a) <= lowerBound(b)) return a;
  if (dimMax(b) <= lowerBound(a) || dimEquals(a, b)) return b;
  return extremum('min', a, b);
}

export function dimMaxOf(a: Dim, b: Dim): Dim {
  if (lowerBound(a) >= dimMax(b)) return a;
  if (lowerBound(b) >= dimMax(a) || dimEquals(a, b)) return b;
  return extremum('max', a, b);
}

/** Operands in order of their keys: min(a, b) and min(b, a) are one dim. */
function extremum(kind: 'min' | 'max', a: Dim, b: Dim): Dim {
  const [first, second] = dimKey(a) <= dimKey(b) ? [a, b] : [b, a];
  return normalize([{ coefficient: 1, atoms: [{ kind, a: first, b: second }] }], 0);
}

/** Product of all dims; 1 for a scalar. */
export function shapeSize(shape: Shape): Dim {
  return shape.reduce<Dim>(dimMul, 1);
}

/** Largest element count the shape can take: the product of the dims' maxima. */
export function shapeMaxSize(shape: Shape): number {
  return shape.reduce<number>((product, dim) => product * dimMax(dim), 1);
}

/** The symbols that occur in a dim, each once, in order of first occurrence. */
export function dimSymbols(dim: Dim): readonly DimSymbol[] {
  if (isStatic(dim)) return [];
  const found = new Map<string, DimSymbol>();
  const visit = (atom: DimAtom): void => {
    if (atom.kind === 'symbol') {
      if (!found.has(atom.name)) found.set(atom.name, atom);
      return;
    }
    const parts = atom.kind === 'quotient' ? [atom.dividend, atom.divisor] : [atom.a, atom.b];
    for (const part of parts) for (const symbol of dimSymbols(part)) found.set(symbol.name, symbol);
  };
  for (const term of dim.terms) term.atoms.forEach(visit);
  return [...found.values()];
}

/** The symbol itself when the dim is nothing but one symbol. */
export function asSymbol(dim: Dim): DimSymbol | undefined {
  if (isStatic(dim) || dim.constant !== 0 || dim.terms.length !== 1) return undefined;
  const term = dim.terms[0];
  const atom = term?.atoms[0];
  return term?.coefficient === 1 && term.atoms.length === 1 && atom?.kind === 'symbol' ? atom : undefined;
}

/** The dim's value under a binding of symbols to numbers; fails on an unbound symbol. */
export function dimEvaluate(dim: Dim, binding: ReadonlyMap<string, number>): number {
  if (isStatic(dim)) return dim;
  const atomValue = (atom: DimAtom): number => {
    if (atom.kind === 'symbol') {
      return binding.get(atom.name) ?? fail('internal', `dimension symbol ${atom.name} has no value`);
    }
    if (atom.kind === 'quotient') {
      return Math.floor(dimEvaluate(atom.dividend, binding) / dimEvaluate(atom.divisor, binding));
    }
    const choose = atom.kind === 'min' ? Math.min : Math.max;
    return choose(dimEvaluate(atom.a, binding), dimEvaluate(atom.b, binding));
  };
  return dim.terms.reduce(
    (sum, term) => sum + term.atoms.reduce((product, atom) => product * atomValue(atom), term.coefficient),
    dim.constant,
  );
}

/** Replaces symbols by other dims (narrowing a bound, binding to a number). */
export function dimSubstitute(dim: Dim, replace: (symbol: DimSymbol) => Dim): Dim {
  if (isStatic(dim)) return dim;
  const atomDim = (atom: DimAtom): Dim => {
    if (atom.kind === 'symbol') return replace(atom);
    if (atom.kind === 'quotient') {
      return dimFloorDiv(dimSubstitute(atom.dividend, replace), dimSubstitute(atom.divisor, replace));
    }
    const combine = atom.kind === 'min' ? dimMinOf : dimMaxOf;
    return combine(dimSubstitute(atom.a, replace), dimSubstitute(atom.b, replace));
  };
  return dim.terms.reduce<Dim>(
    (sum, term) =>
      dimAdd(
        sum,
        term.atoms.reduce<Dim>((product, atom) => dimMul(product, atomDim(atom)), term.coefficient),
      ),
    dim.constant,
  );
}

/** Text such as `3`, `batch(1..8)` or `49*batch(1..8)`; `parseDim` reads it back. */
export function dimToString(dim: Dim): string {
  return isStatic(dim) ? String(dim) : dim.key;
}

export function shapeToString(shape: Shape): string {
  return `[${shape.map(dimToString).join(',')}]`;
}

function termsOf(dim: Dim): readonly DimTerm[] {
  return isStatic(dim) ? [] : dim.terms;
}

function constantOf(dim: Dim): number {
  return isStatic(dim) ? dim : dim.constant;
}

function atomKey(atom: DimAtom): string {
  if (atom.kind === 'symbol') return `${symbolText(atom.name)}(${atom.min}..${atom.max})`;
  if (atom.kind === 'quotient') return `div(${dimKey(atom.dividend)},${dimKey(atom.divisor)})`;
  return `${atom.kind}(${dimKey(atom.a)},${dimKey(atom.b)})`;
}

/** Names that could be read as something else are quoted, so that a key stands for one dim only. */
function symbolText(name: string): string {
  const isPlain = /^[A-Za-z_][\w./:-]*$/.test(name) && !['div', 'min', 'max'].includes(name);
  return isPlain ? name : JSON.stringify(name);
}

type Bounds = readonly [low: number, high: number];

/** Bounds as interval arithmetic gives them: unlike `min`, the lower one may be negative (n - 5 before max(…, 0)). */
function boundsOf(terms: readonly DimTerm[], constant: number): Bounds {
  return terms.reduce<Bounds>(
    ([low, high], term) => {
      const [a, b] = term.atoms.reduce<Bounds>((product, atom) => multiplyBounds(product, atomBounds(atom)), [1, 1]);
      const ends = [term.coefficient * a, term.coefficient * b];
      return [low + Math.min(...ends), high + Math.max(...ends)];
    },
    [constant, constant],
  );
}

function multiplyBounds([a, b]: Bounds, [c, d]: Bounds): Bounds {
  const products = [a * c, a * d, b * c, b * d];
  return [Math.min(...products), Math.max(...products)];
}

function lowerBound(dim: Dim): number {
  return isStatic(dim) ? dim : boundsOf(dim.terms, dim.constant)[0];
}

function atomBounds(atom: DimAtom): Bounds {
  if (atom.kind === 'symbol') return [atom.min, atom.max];
  if (atom.kind === 'quotient') {
    const [least, most] = [Math.max(1, dimMin(atom.divisor)), Math.max(1, dimMax(atom.divisor))];
    const [low, high] = [lowerBound(atom.dividend), dimMax(atom.dividend)];
    return [Math.floor(low / (low < 0 ? least : most)), Math.floor(high / (high < 0 ? most : least))];
  }
  const choose = atom.kind === 'min' ? Math.min : Math.max;
  return [choose(lowerBound(atom.a), lowerBound(atom.b)), choose(dimMax(atom.a), dimMax(atom.b))];
}

function termKey(term: DimTerm): string {
  return term.atoms.map(atomKey).join('*');
}

/** Merges like terms, orders them by key and works out the bounds. Dims are never negative, so min is clamped at 0. */
function normalize(terms: readonly DimTerm[], constant: number): Dim {
  const merged = new Map<string, DimTerm>();
  let rest = constant;
  for (const term of terms) {
    if (term.atoms.length === 0) {
      rest += term.coefficient;
      continue;
    }
    const atoms = [...term.atoms].sort((x, y) => (atomKey(x) < atomKey(y) ? -1 : 1));
    const key = termKey({ coefficient: 1, atoms });
    const before = merged.get(key)?.coefficient ?? 0;
    merged.set(key, { coefficient: before + term.coefficient, atoms });
  }
  const kept = [...merged.entries()].filter(([, term]) => term.coefficient !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (kept.length === 0) return rest;
  const atoms = kept.map(([, term]) => term);
  const [min, max] = boundsOf(atoms, rest);
  const texts = kept.map(([key, term]) => (term.coefficient === 1 ? key : `${term.coefficient}*${key}`));
  if (rest !== 0) texts.push(String(rest));
  return {
    kind: 'dynamic',
    terms: atoms,
    constant: rest,
    min: Math.max(0, min),
    max,
    key: texts.join('+'),
  };
}

function divideExactly(a: Dim, b: Dim): Dim | undefined {
  if (isStatic(b)) {
    const all = [...termsOf(a).map((term) => term.coefficient), constantOf(a)];
    if (!all.every((value) => value % b === 0)) return undefined;
    return normalize(
      termsOf(a).map((term) => ({ coefficient: term.coefficient / b, atoms: term.atoms })),
      constantOf(a) / b,
    );
  }
  const divisor = b.terms[0];
  if (b.terms.length !== 1 || b.constant !== 0 || divisor === undefined || constantOf(a) !== 0) return undefined;
  const quotients: DimTerm[] = [];
  for (const term of termsOf(a)) {
    const remaining = term.atoms.map(atomKey);
    const atoms = [...term.atoms];
    for (const atom of divisor.atoms) {
      const at = remaining.indexOf(atomKey(atom));
      if (at < 0) return undefined;
      remaining.splice(at, 1);
      atoms.splice(at, 1);
    }
    if (term.coefficient % divisor.coefficient !== 0) return undefined;
    quotients.push({ coefficient: term.coefficient / divisor.coefficient, atoms });
  }
  return normalize(quotients, 0);
}
