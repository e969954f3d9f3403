// The reporter of `npm test`: mocha's spec output, each skipped test with its reason, and a last line in one fixed form.

import Mocha from 'mocha';
import { skipReasons } from './skip.js';

/** Spec output, then `N passed, N failed, N skipped`. */
export class SummaryReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      process.on('exit', () => {
        const reasons = new Map<string, number>();
        for (const reason of skipReasons()) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        for (const [reason, count] of reasons) process.stdout.write(`skipped: ${reason} (${count})\n`);
        process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
      });
    });
  }
}

// biome-ignore lint/style/noDefaultExport: mocha loads a reporter by its default export
export default SummaryReporter;
