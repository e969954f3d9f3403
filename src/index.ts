// The TypeScript API: compile, import, interpret, run, verify and inspect nets. `import { compile } from 'cortado'`.

export { type Artifact, type BuildResult, kArtifacts } from './build/artifacts.js';
export { describeTarget, loadTarget, type Runner, type Target, targetNames } from './build/target.js';
export {
  type BuildRequest,
  type CompiledNet,
  type CompileOptions,
  compile,
  compileModel,
  type ImportedNet,
  importModel,
  type ModelOptions,
} from './compile.js';
export {
  CompileError,
  formatProblem,
  formatWhere,
  type Problem,
  type ProblemCode,
  problemsOf,
  type Where,
} from './errors.js';
export { encodeNpy, readNpy, writeNpy } from './files/npy.js';
export { inspectNet, type NetReport } from './inspect.js';
export type { Graph } from './ir/graph.js';
export { makeTensor, type NumericTensor, type Tensor } from './ir/tensor.js';
export { type OpRow, opTable } from './op-table.js';
export { interpret } from './ops/interpret.js';
export { kPrecisions, type Precision } from './ops/kernel-call.js';
export type { Program } from './plan/program.js';
export { type ExecutableInfo, readExecutableInfo } from './run/executable-info.js';
export type { PixelOptions } from './run/image-tensor.js';
export { type RunRequest, type RunResult, runExecutable } from './run/run-executable.js';
export { compareTensors, type TensorComparison, type Tolerance } from './verify/compare-tensors.js';
export { type VerifyReport, type VerifyRequest, verifyNet } from './verify/verify-net.js';
export { kVersion } from './version.js';
