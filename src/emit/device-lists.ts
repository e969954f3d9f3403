// Steps of a device in lists: as many as follow each other without a step of the host between them are submitted together.

import type { KernelStep, Step } from '../plan/program.js';

export interface DeviceList {
  readonly kind: 'device';
  /** Lists are numbered in order of the text, nested ones included. */
  readonly index: number;
  readonly steps: readonly KernelStep[];
}

/** A step with the lists of its nested steps. */
export type ListedStep =
  | DeviceList
  | KernelStep
  | Exclude<Step, { readonly kind: 'kernel' | 'if' | 'loop' }>
  | (Omit<Extract<Step, { readonly kind: 'if' }>, 'yes' | 'no'> & {
      readonly yes: readonly ListedStep[];
      readonly no: readonly ListedStep[];
    })
  | (Omit<Extract<Step, { readonly kind: 'loop' }>, 'body'> & { readonly body: readonly ListedStep[] });

/** Groups the steps; sizes that become known in the middle of a list are told before it, since no list depends on the caller. */
export function listDeviceSteps(steps: readonly Step[]): readonly ListedStep[] {
  return new Lister().list(steps);
}

/** All lists, nested ones included, by index. */
export function deviceLists(steps: readonly ListedStep[]): readonly DeviceList[] {
  return steps.flatMap((step): readonly DeviceList[] => {
    if (step.kind === 'device') return [step];
    if (step.kind === 'if') return [...deviceLists(step.yes), ...deviceLists(step.no)];
    return step.kind === 'loop' ? deviceLists(step.body) : [];
  });
}

class Lister {
  private count = 0;

  list(steps: readonly Step[]): readonly ListedStep[] {
    const listed: ListedStep[] = [];
    let open: KernelStep[] = [];
    const close = (): void => {
      if (open.length > 0) listed.push({ kind: 'device', index: this.count++, steps: open });
      open = [];
    };
    for (const step of steps) {
      if (step.kind === 'kernel' && step.call.device === true) open.push(step);
      else if (step.kind === 'shape') listed.push(step);
      else {
        close();
        listed.push(this.nested(step));
      }
    }
    close();
    return listed;
  }

  private nested(step: Step): ListedStep {
    if (step.kind === 'if') return { ...step, yes: this.list(step.yes), no: this.list(step.no) };
    return step.kind === 'loop' ? { ...step, body: this.list(step.body) } : step;
  }
}
