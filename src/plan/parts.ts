// When a step is worth splitting over threads. Tiles are cut for it, steps are split by it.

/** Below this many multiply-adds or bytes per thread, waking the thread takes longer. */
export const kMinPartMacs = 200_000;
export const kMinPartBytes = 256 * 1024;
