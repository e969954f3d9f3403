// Int8 nets as protobuf text: operators, fills of bytes, and tensors that carry their shape and quantization along.

/** An argument: number with a point or `float`, int, list of ints, or text. */
export type ArgValue = number | readonly number[] | string | { readonly float: number };

export interface OpText {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly args?: { readonly [name: string]: ArgValue };
  readonly engine?: string;
}

/** One operator as text. */
export function opText({ type, inputs, outputs, args = {}, engine }: OpText): string {
  const blobs = [...inputs.map((name) => `input: "${name}"`), ...outputs.map((name) => `output: "${name}"`)];
  const all = Object.entries(args).map(([name, value]) => `arg { name: "${name}" ${valueText(value)} }`);
  return `op { type: "${type}" ${[...blobs, ...all].join(' ')}${engine === undefined ? '' : ` engine: "${engine}"`} }`;
}

function valueText(value: ArgValue): string {
  if (typeof value === 'number') return `i: ${value}`;
  if (typeof value === 'string') return `s: "${value}"`;
  if ('float' in value) return `f: ${value.float}`;
  return value.map((item) => `ints: ${item}`).join(' ');
}

/** Arguments Y_scale and Y_zero_point. */
export function scaled(scale: number, zeroPoint = 0): { readonly [name: string]: ArgValue } {
  return { Y_scale: { float: scale }, Y_zero_point: zeroPoint };
}

/** Int8GivenTensorFill. */
export function bytesFill(
  name: string,
  shape: readonly number[],
  bytes: readonly number[],
  scale: number,
  zeroPoint = 0,
): string {
  const values = bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  return opText({
    type: 'Int8GivenTensorFill',
    inputs: [],
    outputs: [name],
    args: { shape, values, ...scaled(scale, zeroPoint) },
  });
}

/** Int8GivenIntTensorFill. */
export function intFill(name: string, values: readonly number[], scale = 1): string {
  return opText({
    type: 'Int8GivenIntTensorFill',
    inputs: [],
    outputs: [name],
    args: { shape: [values.length], values, ...scaled(scale) },
  });
}

/** A net of operators from external inputs to outputs. */
export function netText(ops: readonly string[], inputs: readonly string[], outputs: readonly string[]): string {
  const names = [
    ...inputs.map((name) => `external_input: "${name}"`),
    ...outputs.map((name) => `external_output: "${name}"`),
  ];
  return [...ops, ...names].join('\n');
}
