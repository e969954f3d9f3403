// Run-time sizes as C++ expressions over the run's extents.

import { type Dim, type DimAtom, isStatic } from '../ir/dim.js';

/** Spells a dim; `symbol` gives the C++ constant of a symbol's index. */
export function dimToCpp(dim: Dim, symbol: (name: string) => string): string {
  if (isStatic(dim)) return String(dim);
  const terms = dim.terms.map((term) => {
    const factors = term.atoms.map((atom) => atomToCpp(atom, symbol));
    return [...factors, ...(term.coefficient === 1 ? [] : [String(term.coefficient)])].join(' * ');
  });
  if (dim.constant !== 0) terms.push(String(dim.constant));
  return terms.join(' + ').replaceAll('+ -', '- ');
}

function atomToCpp(atom: DimAtom, symbol: (name: string) => string): string {
  const nested = (dim: Dim): string => {
    const text = dimToCpp(dim, symbol);
    return / /.test(text) ? `(${text})` : text;
  };
  switch (atom.kind) {
    case 'symbol':
      return `run.extent(${symbol(atom.name)})`;
    case 'quotient':
      return `(${nested(atom.dividend)} / ${nested(atom.divisor)})`;
    case 'min':
      return `min_of(${dimToCpp(atom.a, symbol)}, ${dimToCpp(atom.b, symbol)})`;
    case 'max':
      return `max_of(${dimToCpp(atom.a, symbol)}, ${dimToCpp(atom.b, symbol)})`;
  }
}
