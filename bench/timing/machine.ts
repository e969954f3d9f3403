// The machine's name as Linux tells it.

import { readFileSync } from 'node:fs';

export function cpuModel(): string {
  try {
    const line = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    return line ?? process.arch;
  } catch {
    return process.arch;
  }
}
