// Fibers for the emulation: each thread of a block that has to wait (barrier, warp operation) keeps its own stack. Switching is
// a dozen instructions on x86-64 and swapcontext elsewhere. Stacks are pooled and reused by all launches. Host only.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace cortado::cuda::emulation {

inline constexpr std::size_t kFiberStackBytes = 256 * 1024;

/** A suspended flow of control. */
struct Fiber {
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  ucontext_t context;
#endif
  char* stack = nullptr;          /**< Lowest address; null for the scheduler's own stack. */
  std::size_t stack_bytes = 0;
  void* sanitizer_stack = nullptr; /**< AddressSanitizer's fake stack while suspended. */
  int thread = -1;                 /**< The thread of the block that runs on it. */
};

#if defined(__x86_64__)
/** Saves the callee-saved registers and the stack pointer, continues where `load` was saved. */
__attribute__((naked, noinline)) inline void switch_stack(void** /*save*/, void* /*load*/) {
  __asm__ volatile(
      "pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
      "movq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n\t"
      "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\tret\n\t");
}
#endif

/** Suspends `from`, continues `to`. */
inline void switch_fiber(Fiber& from, Fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&from.sanitizer_stack, to.stack, to.stack_bytes);
#endif
#if defined(__x86_64__)
  switch_stack(&from.stack_pointer, to.stack_pointer);
#else
  swapcontext(&from.context, &to.context);
#endif
#if defined(__SANITIZE_ADDRESS__)
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(from.sanitizer_stack, &bottom, &bytes);
#endif
}

/** Gives the fiber a stack, on which `entry` will begin; `entry` must never return. */
inline void prepare_fiber(Fiber& fiber, void (*entry)()) {
  fiber.stack_bytes = kFiberStackBytes;
  fiber.stack = static_cast<char*>(mmap(nullptr, kFiberStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (fiber.stack == MAP_FAILED) {
    std::fprintf(stderr, "emulation: no memory for the stack of a thread\n");
    std::abort();
  }
#if defined(__x86_64__)
  void** top = reinterpret_cast<void**>(fiber.stack + kFiberStackBytes) - 2;  // at entry, rsp = 8 mod 16
  *top = reinterpret_cast<void*>(entry);
  fiber.stack_pointer = top - 6;  // six callee-saved registers, whatever they hold
#else
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack;
  fiber.context.uc_stack.ss_size = kFiberStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, entry, 0);
#endif
}

}  // namespace cortado::cuda::emulation
