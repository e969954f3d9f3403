// What comes beside a library (headers, CMake package, pkg-config file, example) and the self-contained source package.

import { fail } from '../errors.js';
import { kDeviceFlags, kGeneratedFlags } from './compile-flags.js';
import type { FileContent, NetFiles } from './package-files.js';
import { render } from './template.js';

/** include/, lib/cmake/, lib/pkgconfig/ and an example program. */
export function libraryFiles(files: NetFiles, version: string): ReadonlyMap<string, FileContent> {
  const { prefix } = files;
  const context = libraryContext(files, version, [], []);
  return new Map<string, FileContent>([
    ...headerFiles(files),
    [`lib/cmake/${prefix}/${prefix}-config.cmake`, render('library/Config.cmake', context)],
    [`lib/pkgconfig/${prefix}.pc`, render('library/pc', context)],
    [`share/${prefix}/example.c`, render('library/example.c', context)],
  ]);
}

const kCudaHeader = 'include/cortado_cuda/cortado_cuda.h';

/** The headers that a user of the net includes. */
export function headerFiles(files: NetFiles): ReadonlyMap<string, FileContent> {
  const { prefix } = files;
  const text = (name: string): FileContent =>
    files.generated.get(name) ?? files.runtime.get(name) ?? fail('internal', `${name} is not among the net's files`);
  return new Map<string, FileContent>([
    [`include/${prefix}.h`, text(`src/${prefix}.h`)],
    ['include/cortado/cortado.h', text('runtime/include/cortado/cortado.h')],
    ['include/cortado/cortado.hpp', text('runtime/include/cortado/cortado.hpp')],
    ...(files.usesDevice
      ? [['include/cortado_cuda/cortado_cuda.h', text(`runtime/cuda/${kCudaHeader}`)] as const]
      : []),
  ]);
}

/** Everything needed to build the net with cmake and a C++ compiler alone. */
export function sourcePackageFiles(
  files: NetFiles,
  machineFlags: readonly string[],
  deviceFlags: readonly string[],
  version: string,
): ReadonlyMap<string, FileContent> {
  const { prefix } = files;
  const context = libraryContext(
    files,
    version,
    [...kGeneratedFlags, ...machineFlags],
    [...kDeviceFlags, ...deviceFlags],
  );
  return new Map<string, FileContent>([
    ...files.generated,
    ...files.runtime,
    [`packaging/${prefix}-config.cmake`, render('library/Config.cmake', context)],
    [`packaging/${prefix}.pc`, render('library/pc', context)],
    ['CMakeLists.txt', render('library/CMakeLists.txt', context)],
    ['README.md', render('library/README.md', context)],
    ['example.c', render('library/example.c', context)],
  ]);
}

function libraryContext(
  files: NetFiles,
  version: string,
  compileFlags: readonly string[],
  deviceFlags: readonly string[],
) {
  const below = (path: string): string => path.replace(/^runtime\//, '');
  return {
    prefix: files.prefix,
    upper: files.prefix.toUpperCase(),
    netName: files.netName,
    version,
    compileFlags: compileFlags.map((flag) => ({ flag })),
    usesDevice: files.usesDevice,
    deviceFlags: deviceFlags.map((flag) => ({ flag })),
    threaded: files.hasThreads,
    linkedWeights: files.weightsMode === 'linked' && files.weights.sizeBytes > 0,
    weightsFile: files.weightsMode === 'file' && files.weights.sizeBytes > 0 ? `${files.prefix}.weights` : false,
    weightBytes: files.weights.sizeBytes,
    modelSources: files.runtimeSources.map((path) => ({ file: below(path) })),
    harnessSources: files.harnessSources
      .filter((path) => path.startsWith('runtime/'))
      .map((path) => ({ file: below(path) })),
  };
}
