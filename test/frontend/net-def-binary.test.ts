import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';
import { decodeNetDef, encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { makeArgument, makeNet, makeOperator, type NetDef } from '../../src/frontend/caffe2/net-def.js';
import { kCaffe2ProtoText } from '../../src/frontend/caffe2/schema.js';
import { skipBecause } from '../support/skip.js';
import { everyFieldNet, sharedPath, temporaryFolder } from './sample-nets.js';

/** protobufjs as the second opinion: same schema, other reader and writer. */
const kOracle = protobuf.parse(kCaffe2ProtoText, { keepCase: true }).root.lookupType('caffe2.NetDef');

function netWithFloats(floats: Float32Array): NetDef {
  const args = [makeArgument({ name: 'values', floats })];
  return makeNet({ ops: [makeOperator({ type: 'GivenTensorFill', outputs: ['w'], args })] });
}

function onlyArgument(net: NetDef): NetDef['args'][number] {
  const argument = net.args[0];
  assert.ok(argument !== undefined);
  return argument;
}

/** A NetDef whose only argument is made of these wire bytes. */
function netOfArgument(...wire: readonly number[]): Uint8Array {
  return Uint8Array.of(0x32, wire.length, ...wire);
}

describe('NetDef, binary form', () => {
  it('gives every field back', () => {
    const net = everyFieldNet();
    assert.deepEqual(decodeNetDef(encodeNetDef(net)), net);
    assert.deepEqual(decodeNetDef(encodeNetDef(net, { packed: true })), net);
  });

  it('writes what protobufjs reads and writes', () => {
    const bytes = encodeNetDef(everyFieldNet());
    const message = kOracle.decode(bytes);
    assert.deepEqual(Buffer.from(kOracle.encode(message).finish()), Buffer.from(bytes));
  });

  it('keeps an absent field apart from zero', () => {
    const wire = encodeNetDef(
      makeNet({ args: [makeArgument({ name: 'a' }), makeArgument({ name: 'b', i: 0n, f: 0 })] }),
    );
    const [absent, zero] = decodeNetDef(wire).args;
    assert.ok(absent !== undefined && !('i' in absent) && !('f' in absent) && !('s' in absent));
    assert.equal(zero?.i, 0n);
    assert.equal(zero?.f, 0);
  });

  it('keeps an empty device option apart from none', () => {
    const ops = [makeOperator({ type: 'A', deviceOption: { extraInfo: [] } }), makeOperator({ type: 'B' })];
    const net = decodeNetDef(encodeNetDef(makeNet({ ops })));
    assert.deepEqual(net.ops[0]?.deviceOption, { extraInfo: [] });
    assert.ok(net.ops[1] !== undefined && !('deviceOption' in net.ops[1]));
  });

  it('reads packed and unpacked lists in one field, in order', () => {
    const one = [0x2d, 0, 0, 0x80, 0x3f];
    const twoAndThree = [0x2a, 8, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40];
    const floats = onlyArgument(decodeNetDef(netOfArgument(...one, ...twoAndThree, ...one, ...one))).floats;
    assert.deepEqual([...floats], [1, 2, 3, 1, 1]);
    const ints = onlyArgument(decodeNetDef(netOfArgument(0x30, 5, 0x32, 3, 1, 0x80, 1, 0x30, 7))).ints;
    assert.deepEqual([...ints], [5n, 1n, 128n, 7n]);
  });

  it('takes the last of duplicate scalars and merges duplicate messages', () => {
    assert.equal(onlyArgument(decodeNetDef(netOfArgument(0x18, 1, 0x18, 2))).i, 2n);
    // n { name: "a" op {} } n { name: "b" op {} }: the name is replaced, the operators add up.
    const merged = onlyArgument(
      decodeNetDef(netOfArgument(0x42, 5, 0x0a, 1, 0x61, 0x12, 0, 0x42, 5, 0x0a, 1, 0x62, 0x12, 0)),
    );
    assert.equal(merged.n?.name, 'b');
    assert.equal(merged.n?.ops.length, 2);
  });

  it('skips unknown fields of every wire type', () => {
    const unknown = [0xa0, 6, 0xff, 1, 0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 6, 2, 9, 9, 0xa5, 6, 1, 2, 3, 4];
    assert.equal(decodeNetDef(Uint8Array.of(...unknown, 0x0a, 1, 0x78)).name, 'x');
  });

  it('keeps the bits of a signalling NaN', () => {
    const floats = onlyArgument(decodeNetDef(netOfArgument(0x2d, 1, 0, 0xa0, 0x7f))).floats;
    assert.equal(new Uint32Array(floats.buffer)[0], 0x7fa00001);
  });

  it('reads lists across window borders from a file as from memory', () => {
    const file = path.join(temporaryFolder(), 'net.pb');
    // 300,000 floats are 1.5 MB unpacked: more than one window; odd name lengths shift the border inside an element.
    const floats = Float32Array.from({ length: 300_000 }, (_, i) => i / 7);
    for (const packed of [false, true]) {
      for (const name of ['', 'a', 'ab', 'abc', 'abcd']) {
        const net = { ...netWithFloats(floats), name, externalOutputs: ['w'] };
        const bytes = encodeNetDef(net, { packed });
        fs.writeFileSync(file, bytes);
        assert.deepEqual(decodeNetDef(file), net);
        assert.deepEqual(decodeNetDef(bytes), net);
      }
    }
    fs.rmSync(path.dirname(file), { recursive: true });
  });

  it('reads the nets of the zoo as protobufjs does', function () {
    const zoo = sharedPath('golden/nets');
    if (zoo === undefined) return skipBecause(this, 'there are no recorded nets beside the checkout');
    for (const folder of fs.readdirSync(zoo)) {
      const file = path.join(zoo, folder, 'predict_net.pb');
      const bytes = fs.readFileSync(file);
      const net = decodeNetDef(file);
      assert.ok(net.ops.length > 0, file);
      assert.deepEqual(decodeNetDef(encodeNetDef(net)), net, file);
      const message = kOracle.decode(bytes);
      assert.deepEqual(Buffer.from(kOracle.encode(message).finish()), Buffer.from(encodeNetDef(net)), file);
    }
  });
});
