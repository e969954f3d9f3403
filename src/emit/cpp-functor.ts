// Functors: fused epilogues and map bodies as C++ structs, printed from scalar expressions.

import { arithmeticDType, dtypeCpp } from '../ir/dtype.js';
import { countArg, exprDType } from '../ir/expr.js';
import { exprToCpp } from '../ir/expr-to-cpp.js';
import { runsOnVectors } from '../ir/vector-expr.js';
import type { FunctorSpec } from '../ops/kernel-call.js';
import { kHalfCpp } from './cpp-call.js';

/** The struct's body with `NAME` in place of its name, so that equal functors can be shared. */
export function functorText(spec: FunctorSpec): string {
  return spec.kind === 'epilogue' ? epilogueText(spec) : mapText(spec);
}

function epilogueText(spec: FunctorSpec): string {
  const names = spec.argTypes.map((_, i) => `x${i}`);
  const fields = spec.operands.map((_, k) => `  const ${dtypeCpp(spec.argTypes[k + 1] ?? 'f32')}* operand${k + 1};`);
  const loads = spec.operands.map(({ access }, k) => {
    const operand = `operand${k + 1}`;
    if (access === 'scalar') return `    const V x${k + 1} = splat<V>(*${operand});`;
    if (access === 'channel') return `    const V x${k + 1} = Lanes::template channel<V>(${operand}, channel);`;
    return `    const V x${k + 1} = load<V>(${operand} + offset);`;
  });
  const uses = (access: string): boolean => spec.operands.some((operand) => operand.access === access);
  const parameters = [
    countArg(spec.expr, 0) > 0 ? 'V x0' : 'V',
    `std::int64_t${uses('channel') ? ' channel' : ''}`,
    `std::int64_t${uses('full') ? ' offset' : ''}`,
  ];
  return [
    'struct NAME {',
    ...fields,
    '  template <class V, class Lanes>',
    `  CORTADO_INLINE V operator()(${parameters.join(', ')}) const {`,
    ...loads,
    `    return ${exprToCpp(spec.expr, names, spec.argTypes.map(arithmeticDType))};`,
    '  }',
    '};',
  ].join('\n');
}

function mapText(spec: FunctorSpec): string {
  const names = spec.argTypes.map((_, i) => `x${i}`);
  const used = (i: number): string => (countArg(spec.expr, i) > 0 ? ` x${i}` : '');
  if (runsOnVectors(spec.expr, spec.argTypes)) {
    return [
      'struct NAME {',
      '  template <class V>',
      `  CORTADO_INLINE V operator()(${names.map((_, i) => `V${used(i)}`).join(', ')}) const {`,
      `    return ${exprToCpp(spec.expr, names, spec.argTypes)};`,
      '  }',
      '};',
    ].join('\n');
  }
  const parameters = spec.argTypes.map((dtype, i) => `${dtypeCpp(dtype)}${used(i)}`);
  const result = dtypeCpp(exprDType(spec.expr, spec.argTypes));
  return [
    'struct NAME {',
    `  CORTADO_INLINE ${result} operator()(${parameters.join(', ')}) const {`,
    `    return ${exprToCpp(spec.expr, names, spec.argTypes, 'scalar')};`,
    '  }',
    '};',
  ].join('\n');
}

/**
 * The same for a device. Epilogues of floats are templates over V, a float or a pack of neighbouring channels; everything else is
 * called by one thread for one element.
 */
export function deviceFunctorText(spec: FunctorSpec): string {
  const isVector = spec.kind === 'epilogue' && runsOnVectors(spec.expr, spec.argTypes);
  const names = spec.argTypes.map((_, i) => `x${i}`);
  const type = (i: number): string => dtypeCpp(spec.argTypes[i] ?? 'f32');
  const stored = (k: number): string => (spec.operands[k]?.storage === 'f16' ? kHalfCpp : type(k + 1));
  const used = (i: number): string => (countArg(spec.expr, i) > 0 ? ` x${i}` : '');
  const result = isVector ? 'V' : dtypeCpp(exprDType(spec.expr, spec.argTypes));
  const access = new Set(spec.operands.map((operand) => operand.access));
  const parameters =
    spec.kind === 'map'
      ? names.map((_, i) => `${type(i)}${used(i)}`)
      : [
          `${isVector ? 'V' : type(0)}${used(0)}`,
          `std::int64_t${access.has('channel') ? ' channel' : ''}`,
          `std::int64_t${access.has('full') ? ' offset' : ''}`,
        ];
  const index = { scalar: '0', channel: 'channel', full: 'offset' };
  const loads = spec.operands.map(({ access: by }, k) => {
    const operand = `operand${k + 1}`;
    const element = `${operand}[${index[by]}]`;
    const isHalf = spec.operands[k]?.storage === 'f16';
    if (!isVector) return `    const ${type(k + 1)} x${k + 1} = ${isHalf ? `widen(${element})` : element};`;
    if (by === 'scalar') return `    const V x${k + 1} = splat<V>(*${operand});`;
    return `    const V x${k + 1} = load<V>(${operand} + ${index[by]});`;
  });
  return [
    'struct NAME {',
    ...spec.operands.map((_, k) => `  const ${stored(k)}* operand${k + 1};`),
    ...(isVector ? ['  template <class V>'] : []),
    `  CORTADO_DEVICE ${result} operator()(${parameters.join(', ')}) const {`,
    ...loads,
    `    return ${exprToCpp(spec.expr, names, spec.argTypes, isVector ? 'vector' : 'scalar')};`,
    '  }',
    '};',
  ].join('\n');
}
