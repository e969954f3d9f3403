// Whole real nets through the importer: slow parts (weights of hundreds of megabytes, the interpreter) are left to
// `npm run corpus:nets`. Skipped where the recorded nets are not beside the project.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { CompileError } from '../../src/errors.js';
import { typeToString } from '../../src/ir/type.js';
import { NetZoo } from '../corpus/nets.js';
import { skipBecause } from '../support/skip.js';

const kFolder = new URL('../../../../shared/golden', import.meta.url).pathname;

describe('whole nets', function () {
  this.timeout(60_000);
  const zoo = new NetZoo(kFolder);

  before(function () {
    if (fs.existsSync(kFolder)) return;
    skipBecause(this, `there are no recorded nets in ${kFolder}`);
  });

  const io = (net: string): readonly string[] => {
    const [item] = zoo.cases(net);
    if (item === undefined) return assert.fail(`${net} has no case`);
    const { graph } = zoo.import(net, item);
    return [
      ...graph.inputs.map(
        ({ value, optional }) => `${value.name} ${typeToString(value.type)}${optional ? ' optional' : ''}`,
      ),
      ...graph.outputs.map(({ name, value }) => `${name} ${typeToString(value.type)}`),
    ];
  };

  it('squeezenet', () => {
    assert.deepEqual(io('squeezenet'), ['1 f32[1,3,224,224]', '173 f32[1,1000]']);
  });

  it('squeezenet translated from Caffe', () => {
    assert.deepEqual(io('squeezenet_legacy'), ['data f32[1,3,227,227]', 'softmaxout f32[1,1000,1,1]']);
  });

  it('a style net: placeholder input, implicit noise', () => {
    assert.deepEqual(io('style_animals'), [
      'data_int8_bgra u8[1,240,320,4]',
      '__CAFFE2_STYLIZER_NOISE__ f32[491] optional',
      'styled_int8_bgra u8[1,240,320,4]',
    ]);
  });

  it('without a value_info the input is asked for', () => {
    const [item] = zoo.cases('squeezenet');
    assert.ok(item !== undefined);
    assert.throws(
      () => zoo.import('squeezenet', item, {}, { valueInfo: false }),
      (error) => error instanceof CompileError && error.message.includes('--input 1:1,3,224,224'),
    );
  });
});
