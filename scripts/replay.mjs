// npm run replay [-- REV] [--target NAME]: the text generated for known nets by this tree against that of a commit (HEAD by
// default). A refactoring's difference is empty. Prints `git diff --stat`; the whole difference is in out/replay.diff.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

/** Large ones would only repeat kernels that these have. */
const kBenchNets = ['squeezenet_1_1', 'mobilenet_v2', 'resnet18', 'googlenet', 'shufflenet_v2', 'style_caffe2go', 'lstm', 'mlp'];

const own = (path) => import(pathToFileURL(join(root, 'dist', path)).href);

async function writeNets(folder) {
  const { kBenchNets: builders } = await own('bench/nets/index.js');
  const { encodeNetDef } = await own('src/frontend/caffe2/messages.js');
  const shipped = (name, part) => join(root, 'models', name, part);
  const nets = ['digits', 'cartoon'].map((name) => ({
    name,
    model: { predictNet: shipped(name, 'predict_net.pb'), initNet: shipped(name, 'init_net.pb'), valueInfo: shipped(name, 'value_info.json') },
  }));
  for (const name of kBenchNets) {
    const net = builders.get(name)();
    const [predict, init] = ['predict', 'init'].map((part) => join(folder, `${name}_${part}.pb`));
    writeFileSync(predict, encodeNetDef(net.predict));
    writeFileSync(init, encodeNetDef(net.init, { packed: true }));
    nets.push({ name, model: { predictNet: predict, initNet: init, inputs: [`${net.input.name}:${net.input.shape.join(',')}`] } });
  }
  return nets;
}

/** Generated text of one net by the tree at `tree`, below `to`. In a process of its own, so that trees do not share modules. */
function emit(tree, net, target, to) {
  const script = `
    import { mkdirSync, writeFileSync } from 'node:fs';
    import { dirname, join } from 'node:path';
    import { compileModel } from ${JSON.stringify(pathToFileURL(join(tree, 'dist/src/compile.js')).href)};
    const net = ${JSON.stringify(net)};
    const { files } = compileModel({ ...net.model, name: net.name, target: ${JSON.stringify(target)} });
    for (const [name, content] of files.generated) {
      if (typeof content !== 'string') continue;
      const file = join(${JSON.stringify(to)}, net.name, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }`;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  if (result.status !== 0) {
    mkdirSync(join(to, net.name), { recursive: true });
    writeFileSync(join(to, net.name, 'error.txt'), result.stderr.split('\n').slice(0, 8).join('\n'));
  }
}

function buildCommit(revision, folder) {
  execFileSync('git', ['worktree', 'add', '--detach', '--quiet', folder, revision], { cwd: root });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], { cwd: folder, stdio: 'inherit' });
}

async function main(args) {
  const at = args.indexOf('--target');
  const target = at < 0 ? 'x86-64-v4' : args[at + 1];
  const [revision = 'HEAD'] = args.filter((arg, i) => !arg.startsWith('--') && args[i - 1] !== '--target');
  prepare();
  const folder = mkdtempSync(join(tmpdir(), 'cortado-replay-'));
  const [base, before, after] = ['tree', 'before', 'after'].map((name) => join(folder, name));
  try {
    buildCommit(revision, base);
    for (const net of await writeNets(folder)) {
      console.error(net.name);
      emit(base, net, target, before);
      emit(root, net, target, after);
    }
    const diff = (options) => spawnSync('git', ['diff', '--no-index', ...options, 'before', 'after'], { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 }).stdout;
    const text = diff([]);
    const kept = join(root, 'out/replay.diff');
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(kept, text);
    console.log(text === '' ? `generated text for ${target} is that of ${revision}` : `${diff(['--stat'])}the whole difference: out/replay.diff`);
  } finally {
    execFileSync('git', ['worktree', 'remove', '--force', base], { cwd: root });
    rmSync(folder, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
