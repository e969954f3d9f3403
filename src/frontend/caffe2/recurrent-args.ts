// The arguments of RecurrentNetwork, read and checked: states, links between blobs of the step net and rows of outer
// blobs, and what becomes of the states afterwards. Looks at names alone.

import { CompileError } from '../../errors.js';
import { parseNetDefText } from './messages.js';
import type { NetDef, OperatorDef } from './net-def.js';

/** `internal` is rows [t + offset, t + offset + window) of `external`. */
export interface Link {
  readonly internal: string;
  readonly external: string;
  readonly offset: number;
  readonly window: number;
}

/** `state` starts with the rows of input number `input`. */
export interface InitialState {
  readonly state: string;
  readonly input: number;
}

/** `to` is `from` without its first `offset` rows; a negative offset counts from the end. */
export interface OffsetAlias {
  readonly from: string;
  readonly to: string;
  readonly offset: number;
}

export interface RecurrentArgs {
  readonly states: readonly InitialState[];
  readonly links: readonly Link[];
  readonly aliases: readonly OffsetAlias[];
  readonly timestep: string;
}

/** What readRecurrentArgs needs of an argument table. */
interface ArgLists {
  strings(name: string): readonly Uint8Array[];
  ints(name: string): readonly number[];
  text(name: string, fallback: string): string;
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** `mismatch` is called with the names of lists whose lengths differ. */
export function readRecurrentArgs(args: ArgLists, mismatch: (names: string) => never): RecurrentArgs {
  const names = (name: string): readonly string[] => args.strings(name).map(decode);
  const states = names('recurrent_states');
  const inputs = args.ints('initial_recurrent_state_ids');
  if (states.length !== inputs.length) mismatch('recurrent_states and initial_recurrent_state_ids');
  const [internal, external] = [names('link_internal'), names('link_external')];
  const offsets = args.ints('link_offset');
  const given = args.ints('link_window');
  const windows = given.length === 0 ? offsets.map(() => 1) : given;
  if ([internal, external, windows].some((list) => list.length !== offsets.length)) {
    mismatch('link_internal, link_external, link_offset and link_window');
  }
  const [from, to] = [names('alias_src'), names('alias_dst')];
  const rows = args.ints('alias_offset');
  if ([from, to].some((list) => list.length !== rows.length)) mismatch('alias_src, alias_dst and alias_offset');
  return {
    states: states.map((state, i) => ({ state, input: inputs[i] ?? 0 })),
    links: internal.map((name, i) => ({
      internal: name,
      external: external[i] ?? '',
      offset: offsets[i] ?? 0,
      window: windows[i] ?? 1,
    })),
    aliases: from.map((name, i) => ({ from: name, to: to[i] ?? '', offset: rows[i] ?? 0 })),
    timestep: args.text('timestep', 'timestep'),
  };
}

/** The step net: a net, or in old models its text. Undefined when there is none; throws when the text is bad. */
export function stepNetOf(op: OperatorDef): NetDef | undefined {
  const arg = op.args.find(({ name }) => name === 'step_net');
  if (arg?.n !== undefined) return arg.n;
  return arg?.s === undefined ? undefined : parseNetDefText(decode(arg.s), 'step_net');
}

/** Names that the operator makes: outputs, states, what aliases them. Inside, links and the time step are given too. */
export function recurrentNames(op: OperatorDef): {
  readonly made: readonly string[];
  readonly inner: readonly string[];
} {
  const strings = (name: string): readonly string[] =>
    op.args.find((arg) => arg.name === name)?.strings.map(decode) ?? [];
  const step = op.args.find(({ name }) => name === 'timestep')?.s;
  const states = strings('recurrent_states');
  return {
    made: [...op.outputs, ...states, ...strings('alias_dst')],
    inner: [...strings('link_internal'), ...states, step === undefined ? 'timestep' : decode(step)],
  };
}

/** stepNetOf for those who only look for names. */
export function readableStepNet(op: OperatorDef): NetDef | undefined {
  try {
    return stepNetOf(op);
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}
