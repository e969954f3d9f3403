// npm run tiny-nets -- DIR: writes the nets for microcontrollers as Caffe2 files, a folder each.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNetDef } from '../../src/frontend/caffe2/messages.js';
import { kTinyNets } from '../nets/tiny-nets.js';

/** Writes predict_net.pb, init_net.pb and value_info.json of every net below the folder. */
export function writeTinyNets(folder: string, names: readonly string[] = [...kTinyNets.keys()]): void {
  for (const name of names) {
    const net = kTinyNets.get(name)?.();
    if (net === undefined) throw new Error(`no net ${name}; there are ${[...kTinyNets.keys()].join(', ')}`);
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'predict_net.pb'), encodeNetDef(net.predict));
    writeFileSync(join(own, 'init_net.pb'), encodeNetDef(net.init, { packed: true }));
    writeFileSync(join(own, 'value_info.json'), `${JSON.stringify({ [net.input.name]: [1, net.input.shape] })}\n`);
  }
}
