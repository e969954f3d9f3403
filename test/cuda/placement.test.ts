// What runs where on a target with a GPU: kernels of the device where there are some, copies between the memories only at the
// borders, the net's own device_option first.

import assert from 'node:assert/strict';
import { compileModel } from '../../src/compile.js';
import { emitDevice } from '../../src/emit/emit-device.js';
import { inspectNet } from '../../src/inspect.js';
import { digitsModel, fill, netBytes } from '../build/sample-models.js';

const kTarget = { target: 'cuda-sm80' };

/** Op types by place; conversions and copies by their IR names. */
function places(net: string, inputs: readonly string[], init: readonly string[] = []): readonly string[] {
  const { program } = compileModel({
    predictNet: netBytes(`name: "net" ${net}`),
    ...(init.length === 0 ? {} : { initNet: netBytes(init.join('\n')) }),
    inputs,
    ...kTarget,
  });
  return program.layers.map(({ op, isOnDevice }) => `${op} ${isOnDevice ? 'device' : 'host'}`);
}

const kSigmoid = 'op { input: "x" output: "y" type: "Sigmoid" }';

describe('placement on a GPU', () => {
  it('digits runs on the device from the first step to the last, in every precision', () => {
    for (const precision of ['fp32', 'tf32', 'fp16'] as const) {
      const { device, layers } = inspectNet({ ...digitsModel(), ...kTarget, precision });
      assert.equal(device?.hostSteps, 0, precision);
      assert.equal(device.copies, 0, precision);
      assert.ok(layers.every(({ runsOn }) => runsOn === 'device'));
    }
  });

  it('halves take half of the weights', () => {
    const bytes = (precision: 'fp32' | 'fp16'): number =>
      compileModel({ ...digitsModel(), ...kTarget, precision }).program.weightBytes;
    assert.ok(bytes('fp16') < 0.6 * bytes('fp32'));
  });

  it('an operator without a kernel for the device stays on the host, with one copy each way', () => {
    const net = `external_input: "x" external_output: "z" ${kSigmoid}
      op { input: "y" output: "s" output: "i" type: "TopK" arg { name: "k" i: 2 } }
      op { input: "s" output: "z" type: "Tanh" }`;
    assert.deepEqual(places(net, ['x:4,8']), ['Sigmoid device', 'ToHost device', 'TopK host', 'Tanh host']);
  });

  it('a value that both sides read is copied once', () => {
    const net = `external_input: "x" external_output: "a" external_output: "b" ${kSigmoid}
      op { input: "y" output: "a" output: "i" type: "TopK" arg { name: "k" i: 2 } }
      op { input: "y" output: "b" output: "j" type: "TopK" arg { name: "k" i: 3 } }`;
    const copies = places(net, ['x:4,8']).filter((place) => /^To(Host|Device)/.test(place));
    assert.deepEqual(copies, ['ToHost device']);
  });

  it('branches read what they capture where it is; what they give is on the host', () => {
    const branch = (type: string): string =>
      `n { op { input: "s" output: "t" type: "${type}" } op { input: "t" input: "s" output: "y" type: "Mul" } }`;
    const net = `external_input: "x" external_input: "c" external_output: "y"
      op { input: "x" output: "s" type: "Softmax" }
      op { input: "c" output: "y" type: "If"
           arg { name: "then_net" ${branch('Sigmoid')} } arg { name: "else_net" ${branch('Tanh')} } }`;
    const branches = ['Map device', 'ToHost device', 'Map device', 'ToHost device'];
    assert.deepEqual(places(net, ['x:4,4', 'c:bool:1']), ['Softmax device', ...branches]);
  });

  it('a branch reads an image as an image', () => {
    const branch = (ops: string): string => `n { ${ops} }`;
    const conv = (from: string, to: string): string =>
      `op { input: "${from}" input: "w" output: "${to}" type: "Conv" arg { name: "kernel" i: 1 } }`;
    const net = `external_input: "x" external_input: "w" external_input: "c" external_output: "y" ${conv('x', 'a')}
      op { input: "c" output: "y" type: "If"
           arg { name: "then_net" ${branch(conv('a', 'y'))} }
           arg { name: "else_net" ${branch('op { input: "a" output: "y" type: "Sigmoid" }')} } }`;
    const ends = ['ToPlain device', 'ToHost device'];
    assert.deepEqual(places(net, ['x:1,8,6,6', 'c:bool:1'], [fill('w', [8, 8, 1, 1], 1)]), [
      ...['ToBlocked device', 'Conv device'],
      ...['Conv device', ...ends],
      ...['Sigmoid device', ...ends],
    ]);
  });

  it('a step on the device knows the input of which it copies a part', () => {
    const net = `external_input: "x" external_input: "v" external_input: "c" external_output: "y"
      op { input: "x" output: "s" type: "Softmax" }
      op { input: "c" output: "y" type: "If"
           arg { name: "then_net" n {
             op { input: "v" output: "t" type: "Slice" arg { name: "starts" ints: 1 } arg { name: "ends" ints: 2 } }
             op { input: "s" input: "t" output: "y" type: "Mul" arg { name: "broadcast" i: 1 } } } }
           arg { name: "else_net" n { op { input: "s" output: "y" type: "Tanh" } } } }`;
    const { program } = compileModel({ predictNet: netBytes(net), inputs: ['x:4,4', 'v:3', 'c:bool:1'], ...kTarget });
    const text = emitDevice(program, { prefix: 'net', targetName: 'cuda-sm80', trace: false });
    assert.match(text, /constexpr int kInV = 1;/);
    assert.match(text, /copy_to_device\(run\.stream\(\), 1, run\.host\(\)\.input<float>\(kInV\) \+ 4/);
  });

  it('device_option decides where some operator is for a GPU', () => {
    const gpu = 'device_option { device_type: 1 }';
    const cpu = 'device_option { device_type: 0 }';
    const net = (first: string, second: string): string => `external_input: "x" external_output: "z"
      op { input: "x" output: "y" type: "Sigmoid" ${first} }
      op { input: "y" output: "z" type: "Tanh" ${second} }`;
    assert.deepEqual(places(net(gpu, cpu), ['x:8']), ['Sigmoid device', 'ToHost device', 'Tanh host']);
    assert.deepEqual(places(net(cpu, gpu), ['x:8']), ['Sigmoid host', 'ToDevice device', 'Tanh device']);
    assert.deepEqual(places(net(cpu, cpu), ['x:8']), ['Map device']);
    assert.deepEqual(places(net('', ''), ['x:8']), ['Map device']);
  });

  it('device_option keeps an activation out of a convolution on the other side', () => {
    const net = `external_input: "x" external_input: "w" external_output: "y"
      op { input: "x" input: "w" output: "c" type: "Conv" arg { name: "kernel" i: 3 } device_option { device_type: 1 } }
      op { input: "c" output: "y" type: "Relu" device_option { device_type: 0 } }`;
    const found = places(net, ['x:1,8,6,6'], [fill('w', [8, 8, 3, 3], 1)]);
    assert.deepEqual(found, ['ToBlocked device', 'Conv device', 'ToPlain device', 'ToHost device', 'Relu host']);
  });

  it('says so when a target without a GPU is asked for another precision', () => {
    assert.throws(() => compileModel({ ...digitsModel(), target: 'x86-64', precision: 'fp16' }), /no precision fp16/);
  });

  it('a convolution of more pixels than a product counts stays on the host', () => {
    const net = `external_input: "x" external_input: "w" external_output: "y"
      op { input: "x" input: "w" output: "y" type: "Conv" arg { name: "kernel" i: 1 } }`;
    const convolution = (images: string): string | undefined =>
      places(net, [`x:${images},8,2,2`], [fill('w', [8, 8, 1, 1], 1)]).find((place) => /^Conv /.test(place));
    assert.equal(convolution('1..500000000'), 'Conv device');
    assert.equal(convolution('1..600000000'), 'Conv host');
  });

  it('a budget holds for the memory of the device, too', () => {
    const compiled = (maxArenaBytes: number) => () => compileModel({ ...digitsModel(), ...kTarget, maxArenaBytes });
    const { sizeBytes } = compileModel({ ...digitsModel(), ...kTarget }).program.deviceArena ?? assert.fail('no arena');
    assert.doesNotThrow(compiled(sizeBytes));
    const message = /the arena of the device exceeds its budget .*, 1 too many .*op 0 Conv \(conv1\.1\) needs data/;
    assert.throws(compiled(sizeBytes - 1), message);
  });
});
