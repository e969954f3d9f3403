// Operating systems of targets: what files are called there and what their linkers are told.

import { fail } from '../errors.js';

export interface System {
  executable(prefix: string): string;
  archive(prefix: string): string;
  shared(prefix: string): string;
  /** Flags that link an executable without unused code and symbols. */
  readonly linkExecutable: readonly string[];
  /** The file that tells the linker which functions leave a shared library. */
  exports(prefix: string, functions: readonly string[]): { readonly name: string; readonly text: string };
  /** Flags that link a shared library; exportsFile is where that file lies. */
  linkShared(prefix: string, exportsFile: string): readonly string[];
  /** What programs are linked with in the shared library's stead, where that is another file. */
  importLibrary?(prefix: string): string;
  libraries(hasThreads: boolean): readonly string[];
  /** Whether objects can be joined into one. */
  readonly joinsObjects: boolean;
  /** Whether code for libraries is compiled with -fPIC. */
  readonly hasPositionFlag: boolean;
}

const kElf: System = {
  executable: (prefix) => prefix,
  archive: (prefix) => `lib/lib${prefix}.a`,
  shared: (prefix) => `lib/lib${prefix}.so`,
  linkExecutable: ['-Wl,--gc-sections', '-s'],
  exports: (prefix) => ({ name: `${prefix}.map`, text: `{ global: ${prefix}_*; local: *; };\n` }),
  linkShared: (prefix, exportsFile) => [
    '-shared',
    '-Wl,--gc-sections',
    `-Wl,--version-script=${exportsFile}`,
    `-Wl,-soname,lib${prefix}.so`,
    '-s',
  ],
  libraries: (hasThreads) => ['-lm', ...(hasThreads ? ['-lpthread'] : [])],
  joinsObjects: true,
  hasPositionFlag: true,
};

/** Newer devices have pages of 16 KiB. Threads are part of Android's C library. */
const kAndroidPages = '-Wl,-z,max-page-size=16384';
const kAndroid: System = {
  ...kElf,
  linkExecutable: [...kElf.linkExecutable, kAndroidPages],
  linkShared: (prefix, exportsFile) => [...kElf.linkShared(prefix, exportsFile), kAndroidPages],
  libraries: () => ['-lm'],
};

const kMacos: System = {
  ...kElf,
  shared: (prefix) => `lib/lib${prefix}.dylib`,
  linkExecutable: ['-Wl,-dead_strip', '-s'],
  linkShared: (prefix) => ['-shared', '-Wl,-dead_strip', `-Wl,-install_name,@rpath/lib${prefix}.dylib`, '-s'],
  libraries: () => [],
  joinsObjects: false,
};

const kWindows: System = {
  ...kElf,
  executable: (prefix) => `${prefix}.exe`,
  shared: (prefix) => `bin/${prefix}.dll`,
  linkExecutable: ['-s'],
  exports: (prefix, functions) => ({ name: `${prefix}.def`, text: `EXPORTS\n${functions.join('\n')}\n` }),
  linkShared: (_prefix, exportsFile) => ['-shared', '-s', exportsFile],
  importLibrary: (prefix) => `lib/lib${prefix}.dll.a`,
  libraries: () => [],
  joinsObjects: false,
  hasPositionFlag: false,
};

const kSystems: ReadonlyMap<string, System> = new Map([
  ['none', kElf],
  ['linux', kElf],
  ['android', kAndroid],
  ['macos', kMacos],
  ['windows', kWindows],
]);

/** The system of a target; fails for an unknown one. */
export function systemOf(name: string): System {
  return (
    kSystems.get(name) ??
    fail('bad-option', `unknown system ${name}`, { expected: `one of ${[...kSystems.keys()].join(', ')}` })
  );
}
