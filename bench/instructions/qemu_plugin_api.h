// The part of QEMU's plugin interface (version 1, QEMU 6 and later) that the counter uses, declared from its published
// documentation (docs/devel/tcg-plugins, "API"): Debian's packages bring no header. The emulator exports the functions.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

using qemu_plugin_id_t = std::uint64_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

struct qemu_info_t {
  const char* target_name;  // "aarch64"; more follows
};

enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

using TranslationCallback = void (*)(qemu_plugin_id_t id, qemu_plugin_tb* block);
using SyscallCallback = void (*)(qemu_plugin_id_t id, unsigned vcpu, std::int64_t number, std::uint64_t, std::uint64_t,
                                 std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t);
using ExitCallback = void (*)(qemu_plugin_id_t id, void* argument);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, TranslationCallback callback);
void qemu_plugin_register_vcpu_tb_exec_inline(qemu_plugin_tb* block, qemu_plugin_op op, void* counter, std::uint64_t step);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id, SyscallCallback callback);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, ExitCallback callback, void* argument);
std::size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb* block);
std::uint64_t qemu_plugin_tb_vaddr(const qemu_plugin_tb* block);
qemu_plugin_insn* qemu_plugin_tb_get_insn(const qemu_plugin_tb* block, std::size_t index);
char* qemu_plugin_insn_disas(const qemu_plugin_insn* instruction);  // to be freed by the caller

}  // extern "C"
