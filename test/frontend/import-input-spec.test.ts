import assert from 'node:assert/strict';
import { parseInputSpec, parseInputSpecs } from '../../src/frontend/caffe2/import-input-spec.js';
import { shapeToString } from '../../src/ir/dim.js';
import { expectProblem } from './expect-problem.js';

function describeSpec(text: string): string {
  const spec = parseInputSpec(text);
  return `${spec.name} ${spec.dtype ?? '-'} ${shapeToString(spec.shape)}`;
}

describe('--input', () => {
  it('reads name, type and dims', () => {
    assert.equal(describeSpec('data:1,3,224,224'), 'data - [1,3,224,224]');
    assert.equal(describeSpec('data:uint8:1,240,320,4'), 'data u8 [1,240,320,4]');
    assert.equal(describeSpec('gpu_0/data:float32:2'), 'gpu_0/data f32 [2]');
    assert.equal(describeSpec('x:'), 'x - []');
    assert.equal(describeSpec('x:i64:0'), 'x i64 [0]');
  });

  it('takes colons in names', () => {
    assert.equal(describeSpec('data:0:1,3'), 'data:0 - [1,3]');
    assert.equal(describeSpec('data:0:int32:1,3'), 'data:0 i32 [1,3]');
  });

  it('reads bounded dims', () => {
    assert.equal(describeSpec('data:1..8,3'), 'data - [data.d0(1..8),3]');
    assert.equal(describeSpec('data:N=1..8,3'), 'data - [N(1..8),3]');
    assert.equal(describeSpec('data:4..4,3'), 'data - [4,3]');
  });

  it('shares a named dim between inputs', () => {
    const specs = parseInputSpecs(['a:N,2', 'b:N=1..8,3']);
    assert.equal(shapeToString(specs.get('a')?.shape ?? []), '[N(1..8),2]');
  });

  it('refuses with precise texts', () => {
    const refused = (texts: readonly string[], pattern: RegExp): void => {
      expectProblem(() => parseInputSpecs(texts), 'bad-option', pattern);
    };
    refused(['data'], /--input has no dims \(expected NAME:DIMS or NAME:TYPE:DIMS.*got "data"\)/);
    refused(['data:float32'], /--input data has a type but no dims/);
    refused([':1,2'], /--input names no blob/);
    refused(['x:1,,2'], /bad dim ""/);
    refused(['x:1,-2'], /bad dim "-2"/);
    refused(['x:8..1'], /the range 8\.\.1 is empty/);
    refused(['x:N,1'], /dim N has no bounds \(expected N=1\.\.8 in some --input\)/);
    refused(['x:N=1..8', 'y:N=1..4'], /dim N of --input y:N=1..4 has other bounds elsewhere/);
    refused(['x:1', 'x:2'], /--input names x twice/);
    refused(['x:99999999999'], /dim 99999999999 is too large/);
  });
});
