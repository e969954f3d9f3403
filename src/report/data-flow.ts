// Which step reads what which other steps wrote, found from the places in memory: views, concats and in-place results need no
// rules of their own. Branches that exclude each other both count as writers of what they leave behind.

import { fail } from '../errors.js';
import { dtypeSizeBytes } from '../ir/dtype.js';
import { maxSpanBytes, type TensorType } from '../ir/type.js';
import type { Operand, Program, Step } from '../plan/program.js';

/** A step (its layer) or a graph input or output (its position). */
export type FlowEnd = { readonly kind: 'layer' | 'input' | 'output'; readonly index: number };

/** A step, or an output of the graph, reads a tensor that one step wrote, or several wrote parts of (a concat). */
export interface FlowRead {
  readonly to: FlowEnd;
  readonly name: string;
  readonly from: readonly FlowEnd[];
}

/** Bytes [start, end) of one memory and the steps that may have written them last. */
interface Segment extends Range {
  readonly writers: readonly FlowEnd[];
}

interface Range {
  readonly memory: string;
  readonly start: number;
  readonly end: number;
  /** Only `widthBytes` of every `pitchBytes` from `fromBytes` on: a range of the channels of an image. */
  readonly lanes?: { readonly fromBytes: number; readonly widthBytes: number; readonly pitchBytes: number };
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

function rangeOf({ place, type }: Operand): Range {
  const which = 'index' in place ? place.index : 'part' in place ? place.part : '';
  const memory = `${type.memory ?? 'host'} ${place.kind} ${which}`;
  const start = place.offsetBytes;
  return { memory, start, end: start + maxSpanBytes(type), ...lanesOf(start, type) };
}

function lanesOf(fromBytes: number, { layout, storage, dtype }: TensorType): Pick<Range, 'lanes'> {
  if (layout.kind === 'rowMajor' || layout.pitch === undefined) return {};
  const bytes = dtypeSizeBytes(storage ?? dtype);
  return { lanes: { fromBytes, widthBytes: layout.block * bytes, pitchBytes: layout.pitch * bytes } };
}

function meets(segment: Segment, range: Range): boolean {
  const overlaps = segment.memory === range.memory && segment.start < range.end && range.start < segment.end;
  return overlaps && !areBeside(segment, range);
}

/** Different channels of one image. */
function areBeside({ lanes: a }: Range, { lanes: b }: Range): boolean {
  if (a === undefined || b === undefined || a.pitchBytes !== b.pitchBytes) return false;
  const apart = (((b.fromBytes - a.fromBytes) % a.pitchBytes) + a.pitchBytes) % a.pitchBytes;
  return apart >= a.widthBytes && apart + b.widthBytes <= a.pitchBytes;
}

function writersOf(state: State, operand: Operand): readonly FlowEnd[] {
  const range = rangeOf(operand);
  return state.filter((segment) => meets(segment, range)).flatMap(({ writers }) => writers);
}

/** The state after a step has written the operand: what it covers is cut out of older segments. */
function write(state: State, operand: Operand, writer: FlowEnd): State {
  const range = rangeOf(operand);
  const kept = state.flatMap((segment): readonly Segment[] => {
    if (!meets(segment, range)) return [segment];
    const before = { ...segment, end: range.start };
    const after = { ...segment, start: range.end };
    return [before, after].filter(({ start, end }) => start < end);
  });
  return [...kept, { ...range, writers: [writer] }];
}

/** Either state may hold. */
function union(a: State, b: State): State {
  return [...a, ...b.filter((segment) => !a.includes(segment))];
}
