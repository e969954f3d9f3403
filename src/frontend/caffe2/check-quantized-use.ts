// Which operators may read 8-bit quantized blobs. In Caffe2 they are tensors of a class of their own: the Int8 operators read
// them, all others throw. Operators of the server library (engine DNNLOWP) share names with them and mean something else.

import type { OpScope } from './import-scope.js';

/** Fails where a float operator reads a quantized blob, or an Int8 operator is one of the server's. */
export function checkQuantizedUse(scope: OpScope): void {
  const { op, type, frame } = scope;
  const isQuantized = type.startsWith('Int8');
  const engines = (op.engine ?? '').split(',').map((engine) => engine.trim());
  if (isQuantized && engines.some((engine) => engine.startsWith('DNNLOWP'))) {
    scope.fail(`${type} with engine DNNLOWP is an operator of the server library (FBGEMM), not of the mobile one`, {
      code: 'unsupported',
      expected: 'no engine, or QNNPACK',
      remedy: 'export the net for QNNPACK, or leave it in float',
    });
  }
  if (isQuantized) return;
  for (const blob of op.inputs) {
    const binding = frame.lookUp(blob);
    if (binding?.kind === 'value' && binding.value.type.quantization !== undefined) {
      scope.fail(`${type} cannot read the 8-bit quantized blob ${blob}`, {
        blob,
        expected: 'a plain tensor',
        remedy: 'put an Int8Dequantize before it, or use the Int8 form of the operator',
      });
    }
  }
}
