// A message while it is being read, by either reader: scalars overwrite, lists grow, a singular message that comes
// twice is continued (protobuf's merge rule). `finish` gives the plain object that the typed model describes.

import { emptyNumbers, isNumberKind, NumberList } from './number-list.js';
import type { FieldShape, MessageField, MessageShape, ScalarField } from './schema.js';

export type Scalar = number | bigint | boolean | string | Uint8Array;

/** Deepest nesting of messages that is read or written, as in Google's own parsers. */
export const kMaxMessageDepth = 100;

/** Most messages, strings and byte strings of one file: two bytes of a hostile file cost some 200 here. */
const kMaxObjects = 2 ** 20;

/** Counts the objects of one file; `refuse` names the place of the one too many. */
export class ObjectBudget {
  private left = kMaxObjects;
  private readonly refuse: (message: string) => never;

  constructor(refuse: (message: string) => never) {
    this.refuse = refuse;
  }

  spend(): void {
    if (--this.left < 0) this.refuse(`more than ${kMaxObjects} messages and strings`);
  }
}

export class MessageDraft {
  readonly shape: MessageShape;
  private readonly budget: ObjectBudget;
  private readonly values = new Map<FieldShape, Scalar | Scalar[] | NumberList | MessageDraft | MessageDraft[]>();

  constructor(shape: MessageShape, budget: ObjectBudget) {
    budget.spend();
    this.shape = shape;
    this.budget = budget;
  }

  has(field: FieldShape): boolean {
    return this.values.has(field);
  }

  /** Sets a singular scalar; the last one wins. */
  set(field: ScalarField, value: Scalar): void {
    this.values.set(field, value);
  }

  /** Appends to a repeated string or bytes field. */
  append(field: ScalarField, value: Scalar): void {
    this.budget.spend();
    const list = this.values.get(field);
    if (Array.isArray(list)) (list as Scalar[]).push(value);
    else this.values.set(field, [value]);
  }

  /** The numeric list of a repeated field, made at its first use. */
  numbers(field: ScalarField): NumberList {
    const known = this.values.get(field);
    if (known instanceof NumberList) return known;
    const list = new NumberList(isNumberKind(field.kind) ? field.kind : 'int32');
    this.values.set(field, list);
    return list;
  }

  /** The draft that a nested message is read into: a new list element, or the singular message so far. */
  child(field: MessageField): MessageDraft {
    const known = this.values.get(field);
    if (known instanceof MessageDraft) return known;
    const draft = new MessageDraft(field.message(), this.budget);
    if (!field.repeated) this.values.set(field, draft);
    else if (Array.isArray(known)) (known as MessageDraft[]).push(draft);
    else this.values.set(field, [draft]);
    return draft;
  }

  /** The finished message; calls `onMissing` for a required field without a value. */
  finish(onMissing: (message: string, field: string) => never): object {
    const result: Record<string, unknown> = {};
    for (const field of this.shape.fields) {
      const value = this.values.get(field);
      if (value === undefined) {
        if (field.required) onMissing(this.shape.name, field.name);
        if (field.repeated) result[field.property] = isNumberKind(field.kind) ? emptyNumbers(field.kind) : [];
        continue;
      }
      this.values.delete(field);
      if (value instanceof NumberList) result[field.property] = value.finish();
      else if (value instanceof MessageDraft) result[field.property] = value.finish(onMissing);
      else if (field.kind === 'message' && Array.isArray(value)) {
        result[field.property] = (value as MessageDraft[]).map((draft) => draft.finish(onMissing));
      } else result[field.property] = value;
    }
    return result;
  }
}
