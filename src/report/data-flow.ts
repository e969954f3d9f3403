// Which step reads what which other steps wrote, found from the places in memory: views, concats and in-place results need no
// rules of their own. Branches that exclude each other both count as writers of what they leave behind.

import { fail } from '../errors.js';
import { type ByteRange, byteRange, cutOut, rangesMeet } from '../plan/byte-range.js';
import type { Operand, Program, Step } from '../plan/program.js';

/** A step (its layer) or a graph input or output (its position). */
export type FlowEnd = { readonly kind: 'layer' | 'input' | 'output'; readonly index: number };

/** A step, or an output of the graph, reads a tensor that one step wrote, or several wrote parts of (a concat). */
export interface FlowRead {
  readonly to: FlowEnd;
  readonly name: string;
  readonly from: readonly FlowEnd[];
}

/** Bytes and the steps that may have written them last. */
interface Segment extends ByteRange {
  readonly writers: readonly FlowEnd[];
}

type State = readonly Segment[];

/** All reads in order of the reading steps. */
export function dataFlow(program: Program): readonly FlowRead[] {
  const reads: FlowRead[] = [];
  const connect = (state: State, operand: Operand, to: FlowEnd): void => {
    const others = writersOf(state, operand).filter((end) => end.kind !== to.kind || end.index !== to.index);
    const from = others.filter((end, i) => others.findIndex((o) => o.kind === end.kind && o.index === end.index) === i);
    if (from.length > 0) reads.push({ to, name: operand.name, from });
  };
  const walk = (steps: readonly Step[], before: State): State =>
    steps.reduce<State>((state, step) => {
      if (step.kind === 'kernel') {
        const self: FlowEnd = { kind: 'layer', index: step.layer };
        for (const operand of step.inputs) if (operand !== undefined) connect(state, operand, self);
        return step.outputs.reduce<State>((s, operand) => (operand === undefined ? s : write(s, operand, self)), state);
      }
      if (step.kind === 'if') return union(walk(step.yes, state), walk(step.no, state));
      // The second round sees what the first one left.
      return step.kind === 'loop' ? union(state, walk(step.body, walk(step.body, state))) : state;
    }, before);
  const end = walk(program.steps, initialState(program));
  program.outputs.forEach(({ name, type, deviceOffsetBytes }, index) => {
    const own: Operand = { name, type, place: { kind: 'output', index, offsetBytes: 0 } };
    const [made = own] = onDevice(own, deviceOffsetBytes);
    connect(end, made, { kind: 'output', index });
  });
  return reads;
}

/** Inputs hold the caller's values, in the caller's memory and where they are copied to. */
function initialState(program: Program): State {
  return program.inputs.flatMap((input, index): readonly Segment[] => {
    const writers: readonly FlowEnd[] = [{ kind: 'input', index }];
    const own = inputOperand(program, index);
    const copies = [
      ...copyOf(own, program.arenaParts, input.arenaOffsetBytes),
      ...onDevice(own, input.deviceOffsetBytes),
    ];
    return [own, ...copies].map((operand) => ({ ...rangeOf(operand), writers }));
  });
}

/** The input's room in the arena, whose offset counts through all parts. */
function copyOf(own: Operand, parts: Program['arenaParts'], offset: number | undefined): readonly Operand[] {
  if (offset === undefined) return [];
  let offsetBytes = offset;
  let part = 0;
  for (
    let size = parts[0]?.sizeBytes ?? 0;
    offsetBytes >= size && part + 1 < parts.length;
    size = parts[part]?.sizeBytes ?? 0
  ) {
    offsetBytes -= size;
    part += 1;
  }
  return [{ ...own, place: { kind: 'arena', part, offsetBytes } }];
}

/** The tensor where a device has it: copied there at the start of a run, or from there at its end. */
function onDevice({ name, type }: Operand, offsetBytes: number | undefined): readonly Operand[] {
  if (offsetBytes === undefined) return [];
  return [{ name, type: { ...type, memory: 'device' }, place: { kind: 'arena', part: 0, offsetBytes } }];
}

function inputOperand({ inputs }: Program, index: number): Operand {
  const { name, type } = inputs[index] ?? fail('internal', `no input ${index}`);
  return { name, type, place: { kind: 'input', index, offsetBytes: 0 } };
}

function rangeOf({ place, type }: Operand): ByteRange {
  const which = 'index' in place ? place.index : 'part' in place ? place.part : '';
  return byteRange(`${type.memory ?? 'host'} ${place.kind} ${which}`, place.offsetBytes, type);
}

function writersOf(state: State, operand: Operand): readonly FlowEnd[] {
  const range = rangeOf(operand);
  return state.filter((segment) => rangesMeet(segment, range)).flatMap(({ writers }) => writers);
}

/** The state after a step has written the operand: what it covers is cut out of older segments. */
function write(state: State, operand: Operand, writer: FlowEnd): State {
  const range = rangeOf(operand);
  return [...cutOut(state, range), { ...range, writers: [writer] }];
}

/** Either state may hold. */
function union(a: State, b: State): State {
  return [...a, ...b.filter((segment) => !a.includes(segment))];
}
