import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { memorySource } from '../../src/files/byte-source.js';
import { detectFormat } from '../../src/frontend/caffe2/detect-format.js';
import { loadModelFiles } from '../../src/frontend/caffe2/load-model-files.js';
import {
  decodeNetDef,
  encodeMetaNetDef,
  encodeNetDef,
  encodeTensorProtos,
  printNetDefText,
} from '../../src/frontend/caffe2/messages.js';
import { encodeMinidb, kMetaNetDefKey } from '../../src/frontend/caffe2/minidb.js';
import { makeArgument, makeNet, makeOperator } from '../../src/frontend/caffe2/net-def.js';
import { protoFromTensor } from '../../src/frontend/caffe2/tensor-proto.js';
import { findValueInfo, loadValueInfo } from '../../src/frontend/caffe2/value-info.js';
import { floatTensor } from '../../src/ir/tensor.js';
import { skipBecause } from '../support/skip.js';
import { expectProblem } from './expect-problem.js';
import {
  bytesOfText,
  chunkBlob,
  everyFieldNet,
  metaNetBlob,
  sampleMetaNet,
  samplePredictorDb,
  sharedPath,
  temporaryFolder,
} from './sample-nets.js';

const kNet = encodeNetDef(everyFieldNet());
const kTensors = encodeTensorProtos({ protos: [protoFromTensor(floatTensor([2], [1, 2]), 'w')] });

describe('the form of a file is found in its content', () => {
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['net', kNet],
    ['net', encodeNetDef(everyFieldNet(), { packed: true })],
    ['net', encodeNetDef(makeNet({ name: 'only a name' }))],
    ['net', encodeNetDef(makeNet({ ops: [makeOperator({ type: 'Relu' })] }))],
    ['net-text', bytesOfText(printNetDefText(everyFieldNet()))],
    ['net-text', bytesOfText('# made by hand\n\nop <type: "Relu">')],
    ['meta-net', encodeMetaNetDef(sampleMetaNet())],
    ['tensors', kTensors],
    ['minidb', samplePredictorDb()],
    ['value-info', bytesOfText(' {"data": [1, [1]]}')],
  ];
  for (const [format, bytes] of cases) {
    it(`${format} of ${bytes.length} bytes`, () => assert.equal(detectFormat(memorySource(bytes)), format));
  }

  it('the files of the zoo', function () {
    const zoo = sharedPath('golden/nets');
    if (zoo === undefined) return skipBecause(this, 'there are no recorded nets beside the checkout');
    for (const folder of fs.readdirSync(zoo)) {
      const file = path.join(zoo, folder, 'predict_net.pb');
      assert.equal(detectFormat(memorySource(fs.readFileSync(file))), 'net', file);
      const info = findValueInfo(file);
      assert.ok(info !== undefined && loadValueInfo(info).size > 0, file);
    }
  });
});

describe('model files', () => {
  it('predict and init net, binary and text', () => {
    const text = bytesOfText(printNetDefText(everyFieldNet()));
    const model = loadModelFiles({ predictNet: kNet, initNet: text });
    assert.deepEqual(model.predict, everyFieldNet());
    assert.deepEqual(model.inits, [everyFieldNet()]);
    assert.equal(model.tensors.size, 0);
    assert.ok(!('valueInfo' in model) && !('inputs' in model));
  });

  it('weights as a TensorProtos database', () => {
    const { inits, tensors } = loadModelFiles({ predictNet: kNet, initNet: kTensors });
    assert.deepEqual(inits, []);
    assert.deepEqual(tensors.get('w'), floatTensor([2], [1, 2]));
  });

  it('weights as a minidb without nets', () => {
    const db = encodeMinidb([['w#%0', chunkBlob('w', [2], 0, [1, 2])]]);
    assert.deepEqual(loadModelFiles({ predictNet: kNet, initNet: db }).tensors.get('w'), floatTensor([2], [1, 2]));
  });

  it('an exported predictor: chunks in any order, Load replaced by the tensors, blob lists', () => {
    const model = loadModelFiles({ predictNet: samplePredictorDb() });
    assert.equal(model.predict.name, 'predict');
    assert.deepEqual(
      model.inits.map((net) => net.ops.map((op) => op.type)),
      [[], ['ConstantFill']],
    );
    assert.deepEqual(model.tensors.get('w'), floatTensor([5], [0, 1, 2, 3, 4]));
    assert.deepEqual(model.inputs, ['x']);
    assert.deepEqual(model.outputs, ['y']);
  });

  it('an exported predictor from a file, as from memory', () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'model.minidb');
    fs.writeFileSync(file, samplePredictorDb());
    assert.deepEqual(loadModelFiles({ predictNet: file }), loadModelFiles({ predictNet: samplePredictorDb() }));
    fs.rmSync(folder, { recursive: true });
  });

  it('a named export is found with and without its name', () => {
    const db = samplePredictorDb('_cat');
    assert.equal(loadModelFiles({ predictNet: db }).predict.name, 'predict');
    assert.equal(loadModelFiles({ predictNet: db, exportName: 'cat' }).predict.name, 'predict');
    expectProblem(() => loadModelFiles({ predictNet: db, exportName: 'dog' }), 'bad-option', /one of 'cat', got 'dog'/);
  });

  it('several exports need a name', () => {
    const [cat, dog] = [sampleMetaNet('_cat'), sampleMetaNet('_dog')];
    const both = { blobs: [...cat.blobs, ...dog.blobs], nets: [...cat.nets, ...dog.nets] };
    const db = encodeMinidb([
      [kMetaNetDefKey, metaNetBlob(both)],
      ['w', chunkBlob('w', [1], 0, [1])],
    ]);
    expectProblem(() => loadModelFiles({ predictNet: db }), 'bad-option', /one of 'cat', 'dog', got none/);
    assert.equal(loadModelFiles({ predictNet: db, exportName: 'dog' }).inputs?.[0], 'x');
  });

  it('a raw MetaNetDef takes its parameters from the init file', () => {
    const meta = encodeMetaNetDef(sampleMetaNet());
    assert.equal(loadModelFiles({ predictNet: meta, initNet: kTensors }).tensors.size, 1);
    expectProblem(() => loadModelFiles({ predictNet: meta }), 'invalid-model', /Load.*parameters are missing.*no w/);
  });

  it('a Load that renames is refused', () => {
    const rename = makeArgument({ name: 'source_blob_names', strings: [bytesOfText('v')] });
    const load = makeOperator({ type: 'Load', outputs: ['w'], args: [rename] });
    const meta = sampleMetaNet();
    const nets = meta.nets.map((net) => (/GLOBAL/.test(net.key) ? { ...net, value: makeNet({ ops: [load] }) } : net));
    const predictNet = encodeMetaNetDef({ ...meta, nets });
    expectProblem(() => loadModelFiles({ predictNet, initNet: kTensors }), 'unsupported', /renames blobs/);
  });

  it('files in the wrong place are named', () => {
    expectProblem(() => loadModelFiles({ predictNet: kTensors }), 'invalid-model', /not a predict net.*TensorProtos/);
    const info = bytesOfText('{}');
    expectProblem(
      () => loadModelFiles({ predictNet: kNet, initNet: info }),
      'invalid-model',
      /not an init net.*value_info/,
    );
    const db = samplePredictorDb();
    expectProblem(() => loadModelFiles({ predictNet: kNet, initNet: db }), 'bad-option', /give it as the predict net/);
    const noNet = encodeMinidb([['w', chunkBlob('w', [1], 0, [1])]]);
    expectProblem(() => loadModelFiles({ predictNet: noNet }), 'invalid-model', /tensors only, no net/);
  });

  it('fields beyond 2 GiB are reached (sparse file of 2.5 GiB)', () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'large.pb');
    // Unknown field 100 of 2,684,354,560 bytes, then name: "end".
    const head = Uint8Array.of(0xa2, 6, 0x80, 0x80, 0x80, 0x80, 0x0a);
    const descriptor = fs.openSync(file, 'w');
    fs.writeSync(descriptor, head);
    fs.writeSync(descriptor, bytesOfText('\n\x03end'), 0, 5, head.length + 2_684_354_560);
    fs.closeSync(descriptor);
    assert.equal(decodeNetDef(file).name, 'end');
    fs.rmSync(folder, { recursive: true });
  });
});

describe('minidb', () => {
  const record = (name: string, begin: number, values: readonly number[], dims = [4]): [string, Uint8Array] => [
    `w#%${name}`,
    chunkBlob('w', dims, begin, values),
  ];
  const refused: readonly (readonly [string, readonly [string, Uint8Array][], RegExp])[] = [
    ['a gap', [record('0', 0, [1]), record('1', 2, [3, 4])], /is missing.*begins at element 1, got 2/],
    ['an overlap', [record('0', 0, [1, 2]), record('1', 1, [2, 3, 4])], /is there twice/],
    ['a missing end', [record('0', 0, [1, 2])], /end of a chunked tensor.*expected 4/],
    ['chunks that differ', [record('0', 0, [1, 2]), record('1', 2, [3], [3])], /differ in type or dims/],
    ['a key twice', [record('0', 0, [1, 2]), record('0', 2, [3, 4])], /occurs twice/],
    ['a chunk of a huge tensor', [record('0', 0, [1], [1e12])], /expected 1000000000000/],
  ];
  for (const [name, records, pattern] of refused) {
    it(`refuses ${name}`, () => {
      const initNet = encodeMinidb(records);
      expectProblem(() => loadModelFiles({ predictNet: kNet, initNet }), 'invalid-model', pattern);
    });
  }

  it('refuses every truncation, negative and huge lengths', () => {
    const db = samplePredictorDb();
    for (let length = 1; length < db.length; length++) {
      expectProblem(() => loadModelFiles({ predictNet: db.subarray(0, length) }), 'invalid-model', /./);
    }
    for (const valueLength of [-1, 0, 0x7fffffff]) {
      const broken = db.slice();
      new DataView(broken.buffer).setInt32(4, valueLength, true);
      expectProblem(() => loadModelFiles({ predictNet: broken }), 'invalid-model', /minidb record/);
    }
  });
});

describe('value_info.json', () => {
  it('gives type and dims', () => {
    const info = loadValueInfo(bytesOfText('{"data": [6, [1, 240, 320, 4]], "s": [1, []]}'));
    assert.deepEqual(info.get('data'), { dtype: 'u8', dims: [1, 240, 320, 4] });
    assert.deepEqual(info.get('s'), { dtype: 'f32', dims: [] });
  });

  for (const text of ['', '[]', 'null', '{"a": 1}', '{"a": [11, [1]]}', '{"a": [1, [-1]]}', '{"a": [1, [0.5]]}', '{']) {
    it(`refuses ${text === '' ? 'nothing' : text}`, () => {
      expectProblem(() => loadValueInfo(bytesOfText(text)), 'invalid-model', /value_info|JSON/);
    });
  }
});
