// Handlebars, made strict: an absent key throws instead of printing nothing, also in blocks, and nothing is escaped.

import { readFileSync } from 'node:fs';
import Handlebars from 'handlebars';
import { fail } from '../errors.js';
import { packageRoot } from '../package-root.js';

type Context = { readonly [key: string]: unknown };

const compiled = new Map<string, (context: Context) => string>();

/** Renders templates/<name>.hbs. */
export function render(name: string, context: Context): string {
  let template = compiled.get(name);
  if (template === undefined) {
    const source = readFileSync(new URL(`templates/${name}.hbs`, packageRoot), 'utf8');
    template = Handlebars.create().compile(source, { noEscape: true, strict: true, preventIndent: true });
    compiled.set(name, template);
  }
  return template(strictly(context, name) as Context);
}

/** Throws on absent keys, which Handlebars' own strict mode misses in #if and #each. */
function strictly(value: unknown, template: string): unknown {
  if (Array.isArray(value)) return value.map((item) => strictly(item, template));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, item]) => [key, strictly(item, template)] as const);
  return new Proxy(Object.fromEntries(entries), {
    get(target, key) {
      if (typeof key === 'symbol' || key in target) return Reflect.get(target, key);
      return kProbed.has(key) ? undefined : fail('internal', `template ${template} reads the absent key ${key}`);
    },
    getOwnPropertyDescriptor: (target, key) => Reflect.getOwnPropertyDescriptor(target, key),
  });
}

/** Keys that Handlebars and JavaScript look up by themselves. */
const kProbed = new Set(['then', 'toJSON', 'toHTML', 'length', 'constructor', 'helperMissing', 'blockHelperMissing']);
