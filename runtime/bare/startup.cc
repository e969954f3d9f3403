// From reset to main on a Cortex-M core: vector table, FPU, data and zeroed memory, a stack whose use can be measured, and
// a clock (SysTick). Needs no C library. The symbols come from the generated linker script.
#include <cstdint>

#include "bare.h"

extern "C" {

extern std::uint32_t cortado_stack_begin[], cortado_stack_end[];
extern std::uint32_t cortado_data_load[], cortado_data_begin[], cortado_data_end[];
extern std::uint32_t cortado_zero_begin[], cortado_zero_end[];

int main();

[[noreturn]] void cortado_reset();
[[noreturn]] void cortado_hard_fault();
void cortado_systick();

}  // extern "C"

namespace cortado {

namespace {

volatile std::uint32_t& register_at(std::uintptr_t address) { return *reinterpret_cast<volatile std::uint32_t*>(address); }

// Addresses of the Armv7-M and Armv8-M system control space.
constexpr std::uintptr_t kSysTickControl = 0xe000e010, kSysTickReload = 0xe000e014, kSysTickValue = 0xe000e018;
constexpr std::uintptr_t kCoprocessorAccess = 0xe000ed88;
constexpr std::uint32_t kSysTickRange = 1u << 24;
constexpr std::uint32_t kStackPattern = 0xc0c0c0c0;

volatile std::uint32_t systick_wraps = 0;

// The processor's clock, counting down, with an interrupt each time it wraps.
void start_clock() {
  register_at(kSysTickReload) = kSysTickRange - 1;
  register_at(kSysTickValue) = 0;
  register_at(kSysTickControl) = 7;
}

}  // namespace

std::uint64_t clock_ticks() {
  std::uint32_t wraps, value;
  do {
    wraps = systick_wraps;
    value = register_at(kSysTickValue);
  } while (wraps != systick_wraps);
  return static_cast<std::uint64_t>(wraps) * kSysTickRange + (kSysTickRange - 1 - value);
}

std::uint32_t stack_used_bytes() {
  const std::uint32_t* word = cortado_stack_begin;
  while (word < cortado_stack_end && *word == kStackPattern) ++word;
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(cortado_stack_end) - reinterpret_cast<std::uintptr_t>(word));
}

}  // namespace cortado

extern "C" {

// The first thing that runs. Keeps to registers until the stack below it is painted.
void cortado_reset() {
  using namespace cortado;
  register_at(kCoprocessorAccess) = register_at(kCoprocessorAccess) | 0xfu << 20;  // FPU and vector unit
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  const auto* const here = static_cast<std::uint32_t*>(__builtin_frame_address(0)) - 16;
  for (volatile std::uint32_t* word = cortado_stack_begin; word < here; ++word) *word = kStackPattern;
  const volatile std::uint32_t* from = cortado_data_load;
  for (volatile std::uint32_t* to = cortado_data_begin; to < cortado_data_end; ++to) *to = *from++;
  for (volatile std::uint32_t* to = cortado_zero_begin; to < cortado_zero_end; ++to) *to = 0;
  start_clock();
  exit_program(main());
}

void cortado_hard_fault() {
  cortado::write_text("the processor faulted: a bad address, or the stack left its memory\n");
  cortado::exit_program(1);
}

void cortado_systick() { cortado::systick_wraps = cortado::systick_wraps + 1; }

using Vector = void (*)();

__attribute__((section(".cortado_vectors"), used)) const Vector cortado_vectors[16] = {
    reinterpret_cast<Vector>(cortado_stack_end),
    cortado_reset,
    cortado_hard_fault,  // NMI
    cortado_hard_fault,
    cortado_hard_fault,  // memory management
    cortado_hard_fault,  // bus
    cortado_hard_fault,  // usage
    cortado_hard_fault,  // secure
    nullptr,
    nullptr,
    nullptr,
    cortado_hard_fault,  // SVCall
    cortado_hard_fault,  // debug monitor
    nullptr,
    cortado_hard_fault,  // PendSV
    cortado_systick,
};

}  // extern "C"
