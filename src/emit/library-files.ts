// What comes beside a library (headers, CMake package, pkg-config file, example) and the self-contained source package.

import { kCompileFlags } from './compile-flags.js';
import type { FileContent, NetFiles } from './package-files.js';
import { render } from './template.js';

/** include/, lib/cmake/, lib/pkgconfig/ and an example program. */
export function libraryFiles(files: NetFiles, version: string): ReadonlyMap<string, FileContent> {
  const { prefix } = files;
  const context = libraryContext(files, version);
  const text = (name: string): FileContent => files.generated.get(name) ?? files.runtime.get(name) ?? '';
  return new Map<string, FileContent>([
    [`include/${prefix}.h`, text(`${prefix}.h`)],
    [`include/${prefix}.hpp`, render('library/net.hpp', context)],
    ['include/cortado/cortado.h', text('runtime/include/cortado/cortado.h')],
    ['include/cortado/cortado.hpp', text('runtime/include/cortado/cortado.hpp')],
    [`lib/cmake/${prefix}/${prefix}-config.cmake`, render('library/Config.cmake', context)],
    [`lib/pkgconfig/${prefix}.pc`, render('library/pc', context)],
    [`share/${prefix}/example.c`, render('library/example.c', context)],
  ]);
}

/** Everything needed to build the net with cmake and a C++ compiler alone. */
export function sourcePackageFiles(
  files: NetFiles,
  machineFlags: readonly string[],
  version: string,
): ReadonlyMap<string, FileContent> {
  const context = { ...libraryContext(files, version), machineFlags: machineFlags.join(';') };
  return new Map<string, FileContent>([
    ...files.generated,
    ...files.runtime,
    ['CMakeLists.txt', render('library/CMakeLists.txt', context)],
    ['README.md', render('library/README.md', context)],
  ]);
}

function libraryContext(files: NetFiles, version: string) {
  const [net = '', ...rest] = files.netSources;
  return {
    prefix: files.prefix,
    upper: files.prefix.toUpperCase(),
    version,
    netSource: net,
    otherSources: [...rest, ...files.runtimeSources].map((path) => ({ path })),
    harnessSources: files.harnessSources.map((path) => ({ path })),
    flags: kCompileFlags.map((flag) => ({ flag })),
    threads: files.hasThreads ? 1 : 0,
    hasThreads: files.hasThreads,
    linkedWeights: files.weightsMode === 'linked' && files.weights.sizeBytes > 0,
    weightBytes: files.weights.sizeBytes,
  };
}
