// An option with a few allowed values.

import { fail } from '../errors.js';
import { closest } from './closest.js';

export function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  const near = closest(value, allowed);
  return fail('bad-option', `${option} ${value} is not known`, {
    expected: allowed.join(', '),
    ...(near === undefined ? {} : { remedy: `did you mean ${near}?` }),
  });
}
