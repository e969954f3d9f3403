// What host and device units say of a step: the comment line above it, the numbers in tables.

import type { KernelStep, Layer, Step } from '../plan/program.js';

/** All kernel steps, nested ones included. */
export function kernelSteps(steps: readonly Step[]): readonly KernelStep[] {
  return steps.flatMap((step): readonly KernelStep[] => {
    if (step.kind === 'kernel') return [step];
    if (step.kind === 'loop') return kernelSteps(step.body);
    return step.kind === 'if' ? [...kernelSteps(step.yes), ...kernelSteps(step.no)] : [];
  });
}

/** The index in the published net; the outermost one for nested nets; -1 for steps of the compiler. */
export function opNumber(layer: Layer): number {
  const outermost = Number.parseInt(layer.origin.opIndex, 10);
  return Number.isNaN(outermost) ? -1 : outermost;
}

/** `op 3 Conv data -> conv1  f32[1,64,56,56]  12.3 MMAC  +max`. */
export function layerComment(layer: Layer): string {
  const type = layer.origin.opType === '' ? layer.op : layer.origin.opType;
  const index = layer.origin.opIndex === '' ? '' : `op ${layer.origin.opIndex} `;
  const macs = layer.macs === 0 ? '' : `  ${macsText(layer.macs)}`;
  const fused = layer.fused === '' ? '' : `  ${layer.fused}`;
  return `${index}${type} ${layer.reads.join(', ')} -> ${layer.writes.join(', ')}  ${layer.type}${macs}${fused}`;
}

export function macsText(macs: number): string {
  if (macs >= 1e6) return `${(macs / 1e6).toFixed(1)} MMAC`;
  return macs >= 1e3 ? `${(macs / 1e3).toFixed(1)} kMAC` : `${macs} MAC`;
}
