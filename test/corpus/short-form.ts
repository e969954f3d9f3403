// A part of the corpus that still touches everything: for each operator some cases of each kind it occurs in, and each
// tag of each category. Chosen by order alone, so that the same corpus gives the same part.

import type { CorpusCase } from './case-file.js';

/** Cases of an operator in a category. */
const kCasesPerOperator = 1;

/** The cases that add an operator, a category of it or a tag that earlier ones do not cover. */
export function shortForm(cases: readonly CorpusCase[]): readonly CorpusCase[] {
  const seen = new Map<string, number>();
  return cases.filter((item) => {
    const isError = item.error !== undefined;
    const operators = [...new Set(item.ops)].map((op): [string, number] => [
      `${isError ? 'error' : item.category} op ${op}`,
      isError ? 1 : kCasesPerOperator,
    ]);
    const tags = item.tags.map((tag): [string, number] => [`${item.category} tag ${tag}`, 1]);
    const needed = [...operators, ...tags].filter(([key, wanted]) => (seen.get(key) ?? 0) < wanted);
    for (const [key] of needed) seen.set(key, (seen.get(key) ?? 0) + 1);
    return needed.length > 0;
  });
}
