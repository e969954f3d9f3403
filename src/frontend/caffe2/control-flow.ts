// Operators with nested nets, by type. Each gives the bindings of all blobs that it writes.

import { importDo, importScopeBlob } from './import-do.js';
import { importIf } from './import-if.js';
import { importOnnxWhile } from './import-onnx-while.js';
import { importRecurrent } from './import-recurrent.js';
import type { Binding } from './import-session.js';
import { importWhile } from './import-while.js';
import type { ControlFlowRequest } from './nested-frame.js';

export type ControlFlowImport = (request: ControlFlowRequest) => ReadonlyMap<string, Binding>;

export const kControlFlow: ReadonlyMap<string, ControlFlowImport> = new Map([
  ['If', importIf],
  ['While', importWhile],
  ['ONNXWhile', importOnnxWhile],
  ['RecurrentNetwork', importRecurrent],
  ['Do', importDo],
  ['CreateScope', importScopeBlob],
]);
