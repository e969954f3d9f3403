// The calls that -fsanitize=thread puts before accesses to memory, and the parts of the sanitizer that talk to the operating system.
// Included by sanitizer.h, whose file says what is found.
#pragma once

#include <link.h>
#include <unistd.h>

namespace cortado::cuda::emulation {

struct ProgramTls {
  std::uintptr_t base; /**< Where the program is loaded. */
  std::size_t bytes;   /**< Of its thread-local variables, rounded up to their alignment. */
};

CORTADO_UNCHECKED inline ProgramTls program_tls() {
  ProgramTls tls{0, 0};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        auto* const to = static_cast<ProgramTls*>(result);
        to->base = info->dlpi_addr;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& part = info->dlpi_phdr[i];
          if (part.p_type == PT_TLS) to->bytes = (part.p_memsz + part.p_align - 1) / part.p_align * part.p_align;
        }
        return 1;  // the program comes first
      },
      &tls);
  return tls;
}

/** `__shared__` variables are the program's thread-local ones: on x86-64 they end where the thread's own block begins. */
CORTADO_UNCHECKED inline std::pair<const void*, std::size_t> Sanitizer::static_shared() {
#if defined(__x86_64__)
  static const ProgramTls tls = program_tls();
  char* thread_block;
  __asm__("movq %%fs:0, %0" : "=r"(thread_block));
  return {thread_block - tls.bytes, tls.bytes};
#else
  return {nullptr, 0};
#endif
}

/** File and line of an instruction, where addr2line is installed and the program has debug information. */
CORTADO_UNCHECKED inline std::string source_place(const void* instruction) {
  char program[4096] = {};
  if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) return "";
  char command[4400];
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(instruction) - program_tls().base - 1;
  std::snprintf(command, sizeof command, "addr2line -Cpsi -e '%s' 0x%llx 2>/dev/null | tr '\\n' ' '", program, static_cast<unsigned long long>(offset));
  std::string text;
  std::FILE* const lines = popen(command, "r");
  if (lines == nullptr) return "";
  for (int c = std::fgetc(lines); c != EOF; c = std::fgetc(lines)) text.push_back(static_cast<char>(c));
  pclose(lines);
  return text;
}

CORTADO_UNCHECKED inline void Sanitizer::found(const char* what, const ShadowRegion& region, std::uintptr_t at, std::size_t bytes, int thread,
                                               const void* instruction) {
  const std::pair<const void*, std::string> finding(instruction, what);
  if (std::find(seen_.begin(), seen_.end(), finding) != seen_.end()) return;
  seen_.push_back(finding);
  exit_with_findings();
  if (seen_.size() > kMostFindings) return;
  static constexpr const char* kNames[] = {"device", "shared", "host"};
  std::fprintf(stderr, "sanitizer: %s: %zu bytes of %s memory at %zu of %zu, block %llu, thread %d: %s\n", what, bytes, kNames[region.kind],
               static_cast<std::size_t>(at - region.begin), static_cast<std::size_t>(region.end - region.begin), static_cast<unsigned long long>(block_),
               thread, source_place(instruction).c_str());
}

/** The program's end tells that there were findings, whatever it computes. */
CORTADO_UNCHECKED inline void Sanitizer::exit_with_findings() {
  if (seen_.size() != 1) return;
  std::atexit([] {
    std::fflush(nullptr);
    std::fprintf(stderr, "sanitizer: %zu findings\n", sanitizer().findings());
    _exit(kSanitizerExit);
  });
}

CORTADO_UNCHECKED inline void check_access(const void* data, std::size_t bytes, bool writes, bool is_aligned, const void* instruction) {
  Sanitizer* const checker = watching;
  if (checker == nullptr) return;
  watching = nullptr;
  checker->access(data, bytes, writes, is_aligned, instruction);
  watching = checker;
}

__attribute__((noinline)) CORTADO_UNCHECKED inline void Sanitizer::used(const void* data, std::size_t bytes, bool writes) {
  check_access(data, bytes, writes, true, __builtin_return_address(0));
}

}  // namespace cortado::cuda::emulation

#define CORTADO_HOOK extern "C" __attribute__((used, noinline, visibility("default"))) CORTADO_UNCHECKED inline
#define CORTADO_ACCESS_HOOKS(bytes)                                                                                     \
  CORTADO_HOOK void __tsan_read##bytes(void* at) {                                                                      \
    cortado::cuda::emulation::check_access(at, bytes, false, true, __builtin_return_address(0));                        \
  }                                                                                                                     \
  CORTADO_HOOK void __tsan_write##bytes(void* at) {                                                                     \
    cortado::cuda::emulation::check_access(at, bytes, true, true, __builtin_return_address(0));                         \
  }
#define CORTADO_UNALIGNED_HOOKS(bytes)                                                                                  \
  CORTADO_HOOK void __tsan_unaligned_read##bytes(void* at) {                                                            \
    cortado::cuda::emulation::check_access(at, bytes, false, false, __builtin_return_address(0));                       \
  }                                                                                                                     \
  CORTADO_HOOK void __tsan_unaligned_write##bytes(void* at) {                                                           \
    cortado::cuda::emulation::check_access(at, bytes, true, false, __builtin_return_address(0));                        \
  }
CORTADO_ACCESS_HOOKS(1)
CORTADO_ACCESS_HOOKS(2)
CORTADO_ACCESS_HOOKS(4)
CORTADO_ACCESS_HOOKS(8)
CORTADO_ACCESS_HOOKS(16)
CORTADO_UNALIGNED_HOOKS(2)
CORTADO_UNALIGNED_HOOKS(4)
CORTADO_UNALIGNED_HOOKS(8)
CORTADO_UNALIGNED_HOOKS(16)
CORTADO_HOOK void __tsan_read_range(void* at, unsigned long bytes) {
  cortado::cuda::emulation::check_access(at, bytes, false, false, __builtin_return_address(0));
}
CORTADO_HOOK void __tsan_write_range(void* at, unsigned long bytes) {
  cortado::cuda::emulation::check_access(at, bytes, true, false, __builtin_return_address(0));
}
CORTADO_HOOK void __tsan_init() {}
CORTADO_HOOK void __tsan_func_entry(void*) {}
CORTADO_HOOK void __tsan_func_exit() {}
CORTADO_HOOK void __tsan_vptr_update(void*, void*) {}
CORTADO_HOOK void __tsan_vptr_read(void*) {}
#undef CORTADO_ACCESS_HOOKS
#undef CORTADO_UNALIGNED_HOOKS
#undef CORTADO_HOOK
