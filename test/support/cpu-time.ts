// Time that this process spends, which other processes on the machine do not lengthen.

/** Milliseconds of all cores together that the work takes. */
export function cpuTimeMs(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
