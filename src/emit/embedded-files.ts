// The source package for targets without an operating system: one folder that is an Arduino library, a Zephyr module, a
// CMSIS-Toolbox layer and a CMake project. Everything to compile lies below `src`, which is also the only include path.

import { fail } from '../errors.js';
import { kGeneratedFlags } from './compile-flags.js';
import type { FileContent, NetFiles } from './package-files.js';
import { render } from './template.js';

export interface EmbeddedOptions {
  readonly version: string;
  readonly target: string;
  /** Flags that choose the CPU. */
  readonly machine: readonly string[];
  readonly machineFlags: readonly string[];
}

/** Files of the package by path. Builds that know no flags of ours (Arduino) find what they need in the sources. */
export function embeddedPackageFiles(files: NetFiles, options: EmbeddedOptions): ReadonlyMap<string, FileContent> {
  const { prefix } = files;
  const sources = sourceFiles(files);
  const context = packageContext(files, options, [...sources.keys()]);
  const example = render('embedded/example.c', context);
  return new Map<string, FileContent>([
    ...sources,
    ['CMakeLists.txt', render('embedded/CMakeLists.txt', context)],
    ['library.properties', render('embedded/library.properties', context)],
    ['zephyr/module.yml', render('embedded/module.yml', context)],
    ['zephyr/CMakeLists.txt', render('embedded/zephyr.cmake', context)],
    ['zephyr/Kconfig', render('embedded/Kconfig', context)],
    [`${prefix}.clayer.yml`, render('embedded/clayer.yml', context)],
    [`example/${prefix}_example.c`, example],
    [`examples/${prefix}/${prefix}.ino`, render('embedded/example.ino', context)],
    [`examples/${prefix}/${prefix}_example.c`, example],
    ['README.md', render('embedded/README.md', context)],
  ]);
}

/** Generated files, and the runtime with its headers below `src/cortado` and its sources below `src/runtime`. */
function sourceFiles({ prefix, generated, runtime }: NetFiles): ReadonlyMap<string, FileContent> {
  const wanted = [`${prefix}.h`, `${prefix}.cc`, `${prefix}_weights.S`, `${prefix}.weights`].map(
    (name) => `src/${name}`,
  );
  const own = [...generated].filter(([path]) => wanted.includes(path));
  const shared = [...runtime].flatMap(([path, content]): readonly (readonly [string, FileContent])[] => {
    if (path.startsWith('runtime/include/')) return [[path.replace('runtime/include/', 'src/'), content]];
    return path.startsWith('runtime/src/') ? [[path.replace('runtime/src/', 'src/runtime/'), content]] : [];
  });
  const named = [...own, ...shared].map(([path, content]) => [path.replace(/\.cc$/, '.cpp'), content] as const);
  return new Map(named.map(([path, content]) => [path, withNamespace(path, prefix, content)]));
}

/** Builds whose flags are not ours may compile for an older C++. */
const kCheckStandard = `#if __cplusplus < 201703L
#error "this library is C++17: compile it with -std=gnu++17 (Arduino: compiler.cpp.extra_flags=-std=gnu++17, see README.md)"
#endif
`;

/** The namespace carries the net's name; kernels are optimized whatever the flags are. */
function withNamespace(path: string, prefix: string, content: FileContent): FileContent {
  if (!path.endsWith('.cpp') || typeof content !== 'string') return content;
  const name = `#define cortado cortado_${prefix}  // so that several nets link into one program\n`;
  const speed =
    path === `src/${prefix}.cpp`
      ? '#if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC optimize("O2")\n#endif\n'
      : '';
  return `${kCheckStandard}${name}${speed}${content}`;
}

function packageContext(files: NetFiles, options: EmbeddedOptions, paths: readonly string[]) {
  const { prefix, netName, weights } = files;
  const memory = files.memory ?? fail('internal', 'a package for bare metal without its memory');
  return {
    prefix,
    upper: prefix.toUpperCase(),
    netName,
    version: options.version,
    target: options.target,
    sources: paths.filter((path) => /\.(cpp|S)$/.test(path)),
    cppSources: paths.filter((path) => path.endsWith('.cpp')),
    compileFlags: [...kGeneratedFlags, ...options.machineFlags].map((flag) => ({ flag })),
    machine: options.machine.join(' '),
    linkedWeights: files.weightsMode === 'linked' && weights.sizeBytes > 0,
    weightBytes: weights.sizeBytes,
    arenaBytes: memory.arenas.reduce((sum, { size }) => sum + size, 0),
    stackBytes: memory.stackBytes,
    arenas: memory.arenas.map((part) => ({ ...part, region: memory.arenas.length > 1 ? part.name : false })),
    inputs: memory.inputs,
  };
}
