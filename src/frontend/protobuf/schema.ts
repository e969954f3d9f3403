// Message shapes: what a .proto text says about each message, compiled into small tables that the binary reader and
// writer, the text reader and the printer all walk. protobufjs parses the text; nothing else of it is used.
// A field's TypeScript property is its json_name where the text gives one, else its name in camelCase.

import protobuf from 'protobufjs';
import { fail } from '../../errors.js';

/** Element kinds with a wire form of their own. Enums are numbers on the wire and names in text. */
export type ScalarKind =
  | 'float'
  | 'double'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'bytes'
  | 'enum';

interface FieldBase {
  readonly number: number;
  /** Name in the .proto and in text form. */
  readonly name: string;
  /** Property of the TypeScript object. */
  readonly property: string;
  readonly repeated: boolean;
  readonly required: boolean;
  /** How writers spell a numeric list; readers take both forms. */
  readonly packed: boolean;
}

export interface ScalarField extends FieldBase {
  readonly kind: ScalarKind;
  /** Names of enum values. */
  readonly enumValues?: ReadonlyMap<string, number>;
}

export interface MessageField extends FieldBase {
  readonly kind: 'message';
  /** Looked up late: messages may contain each other. */
  readonly message: () => MessageShape;
}

export type FieldShape = ScalarField | MessageField;

export interface MessageShape {
  readonly name: string;
  /** Ascending field numbers: the order of writing. */
  readonly fields: readonly FieldShape[];
  readonly byNumber: ReadonlyMap<number, FieldShape>;
  readonly byName: ReadonlyMap<string, FieldShape>;
}

/** Compiles a .proto text; the result finds a message by its full name without the package, such as `Tensor.Segment`. */
export function compileSchema(protoText: string): (messageName: string) => MessageShape {
  const parsed = protobuf.parse(protoText, { keepCase: true });
  parsed.root.resolveAll();
  const prefix = parsed.package === undefined || parsed.package === null ? '' : `${parsed.package}.`;
  const shapes = new Map<string, MessageShape>();
  return (messageName) => shapeOf(parsed.root.lookupType(prefix + messageName), shapes);
}

function shapeOf(type: protobuf.Type, shapes: Map<string, MessageShape>): MessageShape {
  const known = shapes.get(type.fullName);
  if (known !== undefined) return known;
  const fields = type.fieldsArray.map((field) => fieldOf(field, shapes)).sort((a, b) => a.number - b.number);
  const shape: MessageShape = {
    name: type.name,
    fields,
    byNumber: new Map(fields.map((field) => [field.number, field])),
    byName: new Map(fields.map((field) => [field.name, field])),
  };
  shapes.set(type.fullName, shape);
  return shape;
}

function fieldOf(field: protobuf.Field, shapes: Map<string, MessageShape>): FieldShape {
  const base: FieldBase = {
    number: field.id,
    name: field.name,
    property: String(field.options?.json_name ?? camelCase(field.name)),
    repeated: field.repeated,
    required: field.required,
    packed: field.repeated && field.packed,
  };
  const resolved = field.resolvedType;
  if (resolved instanceof protobuf.Type) return { ...base, kind: 'message', message: () => shapeOf(resolved, shapes) };
  if (resolved instanceof protobuf.Enum) {
    return { ...base, kind: 'enum', enumValues: new Map(Object.entries(resolved.values)) };
  }
  return { ...base, kind: scalarKind(field.type) };
}

function scalarKind(type: string): ScalarKind {
  switch (type) {
    case 'float':
    case 'double':
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'uint64':
    case 'bool':
    case 'string':
    case 'bytes':
      return type;
    default:
      return fail('internal', `the schema uses field type ${type}, which no reader knows`);
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
