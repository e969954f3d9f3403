// Identity: every operator that hands its input on unchanged in inference. A pass removes it.

import type { Caffe2Import } from '../caffe2-import.js';
import { defineView } from '../define-view.js';
import { expectDims } from '../read-arguments.js';

/** Importer of a copy; extra inputs and outputs as declared. */
function importCopy(inputs = 1): Caffe2Import {
  return (scope) => {
    scope.expectInputs(inputs);
    scope.expectOutputs(1);
    return [scope.emitOne('Identity', [scope.input(0)])];
  };
}

const importEnsureDense: Caffe2Import = (scope) => {
  expectDims(scope);
  return importCopy()(scope);
};

const importDropout: Caffe2Import = (scope) => {
  scope.expectInputs(1);
  scope.expectOutputs(1, 2);
  const ratio = scope.args.float('ratio', 0.5);
  if (!(ratio >= 0 && ratio < 1)) scope.fail('the ratio of Dropout must be in 0..1', { got: String(ratio) });
  if (!scope.args.bool('is_test', false)) {
    scope.fail('Dropout for training', {
      code: 'unsupported',
      expected: 'is_test = 1',
      remedy: 'export the net for inference',
    });
  }
  scope.args.ignore('order');
  const x = scope.input(0);
  if (x.type.dtype !== 'f32') scope.fail('Dropout needs floats', { expected: 'f32', got: x.type.dtype });
  return [scope.emitOne('Identity', [x]), undefined].slice(0, scope.outputCount);
};

export const identity = defineView({
  name: 'Identity',
  doc: 'y = x',
  source: 'caffe2/operators/utility_ops.cc, dropout_op.cc',
  attrs: {},
  shape: (request) => request.type(0).shape,
  caffe2: {
    Copy: importCopy(),
    Alias: importCopy(),
    StopGradient: importCopy(),
    EnsureDense: importEnsureDense,
    EnsureCPUOutput: importCopy(),
    CopyFromCPUInput: importCopy(),
    CopyOnDeviceLike: importCopy(2),
    Dropout: importDropout,
  },
  examples: [{ inputs: [{ dims: [2, 3], range: [-1, 1] }] }],
});
