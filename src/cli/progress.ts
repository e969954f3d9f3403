// Progress on standard error: one line that is rewritten, shown only on a terminal and only after two seconds.

import process from 'node:process';

const kQuietMs = 2000;
const kStepMs = 100;

export class Progress {
  private readonly start = performance.now();
  private last = 0;
  private isShown = false;

  /** Notes what is being done now. */
  readonly report = (message: string): void => {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.start < kQuietMs || now - this.last < kStepMs) return;
    this.last = now;
    this.isShown = true;
    const seconds = Math.round((now - this.start) / 1000);
    process.stderr.write(
      `\r\x1b[K${seconds} s  ${message.slice(0, Math.max(20, (process.stderr.columns ?? 80) - 10))}`,
    );
  };

  /** Clears the line. */
  end(): void {
    if (this.isShown) process.stderr.write('\r\x1b[K');
    this.isShown = false;
  }
}
