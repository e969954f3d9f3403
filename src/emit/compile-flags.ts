// Compiler flags of all translation units, for our own builds and for CMakeLists.txt.

export const kCompileFlags: readonly string[] = [
  '-fno-exceptions',
  '-fno-rtti',
  '-fno-threadsafe-statics',
  '-fvisibility=hidden',
  '-ffunction-sections',
  '-fdata-sections',
];

/** Only for the generated translation unit: kernels are compiled for the target's CPU. */
export const kGeneratedFlags: readonly string[] = ['-O3', '-ffp-contract=fast'];

/** For the device's translation units, beside those that the target names. */
export const kDeviceFlags: readonly string[] = [
  '-O3',
  '--expt-relaxed-constexpr',
  '-Xcudafe',
  '--display_error_number',
];
