// A QEMU plugin that counts the instructions of an emulated program, by kind. Each time the program reads its clock, a line
// with the counts so far goes to a file: an executable net reads it around each run and, when profiling, around each layer.
//   qemu-aarch64 -plugin count_instructions.so,out=FILE[,hot=N] net --random --stats stats.json
// FILE: a line `clock TOTAL MULTIPLIES LOADS STORES` per reading, then, for hot=N, the N blocks that executed the most
// instructions: `block ADDRESS EXECUTIONS INSTRUCTIONS` and their text. One thread of the program is assumed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "qemu_plugin_api.h"

extern "C" {
__attribute__((visibility("default"))) int qemu_plugin_version = 1;
}

namespace {

enum Kind { kMultiply, kLoad, kStore, kOther, kKinds };

struct Block {
  std::uint64_t executions = 0;
  std::vector<std::string> text;
};

std::FILE* output = nullptr;
std::size_t hot_blocks = 0;
std::uint64_t counts[kKinds];
std::map<std::uint64_t, Block> blocks;

bool begins(const std::string& text, const char* prefix) { return text.compare(0, std::strlen(prefix), prefix) == 0; }

// How an architecture's multiply-adds, loads and stores of all kinds begin.
struct Mnemonics {
  std::vector<const char*> multiplies, loads, stores;
  bool has_code;  // the text begins with the instruction in hexadecimal
};

const Mnemonics kArm = {{"fmla", "fmls", "vmla", "vmls", "vfma", "vfms", "sdot", "udot"}, {"ld", "vld"}, {"st", "vst", "push"}, false};
const Mnemonics kRiscv = {{"fmadd", "fmsub", "fnmadd", "fnmsub"}, {"ld", "lw", "lh", "lb", "flw", "fld"}, {"sd ", "sw ", "sh ", "sb ", "fsw", "fsd"}, true};

const Mnemonics* mnemonics = &kArm;

/** Multiply-adds that QEMU's disassembler gives as bytes: of halves and dot products of bytes, by vectors or by a lane. */
bool multiplies_unnamed(const std::string& text) {
  unsigned byte[4];
  if (std::sscanf(text.c_str(), ".byte %x, %x, %x, %x", &byte[0], &byte[1], &byte[2], &byte[3]) != 4) return false;
  const unsigned word = byte[0] | byte[1] << 8 | byte[2] << 16 | byte[3] << 24;
  const unsigned by_vectors = word & 0xbfe0fc00u, by_lane = word & 0xbfc0f400u;
  return by_vectors == 0x0e400c00u || by_lane == 0x0f001000u || by_vectors == 0x2e809400u || by_lane == 0x2f80e000u;
}

Kind kind_of(const std::string& text) {
  const std::size_t start = mnemonics->has_code ? text.find_first_not_of(' ', text.find(' ')) : 0;
  const std::string name = start < text.size() ? text.substr(start) : "";
  const auto is_one_of = [&](const std::vector<const char*>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](const char* prefix) { return begins(name, prefix); });
  };
  if (is_one_of(mnemonics->multiplies) || multiplies_unnamed(name)) return kMultiply;
  if (is_one_of(mnemonics->loads)) return kLoad;
  return is_one_of(mnemonics->stores) ? kStore : kOther;
}

void translate(qemu_plugin_id_t, qemu_plugin_tb* block) {
  std::uint64_t of_kind[kKinds] = {};
  std::vector<std::string> text;
  for (std::size_t i = 0; i < qemu_plugin_tb_n_insns(block); ++i) {
    char* const disassembled = qemu_plugin_insn_disas(qemu_plugin_tb_get_insn(block, i));
    text.emplace_back(disassembled == nullptr ? "?" : disassembled);
    std::free(disassembled);
    ++of_kind[kind_of(text.back())];
  }
  for (int kind = 0; kind < kKinds; ++kind) {
    if (of_kind[kind] > 0) qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &counts[kind], of_kind[kind]);
  }
  if (hot_blocks == 0) return;
  Block& known = blocks[qemu_plugin_tb_vaddr(block)];
  if (text.size() > known.text.size()) known.text = text;
  qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &known.executions, 1);
}

// clock_gettime: 113 on aarch64 and riscv64; 263 and 403 (64-bit time) on 32-bit ARM.
void on_system_call(qemu_plugin_id_t, unsigned, std::int64_t number, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                    std::uint64_t, std::uint64_t, std::uint64_t) {
  if (number != 113 && number != 263 && number != 403) return;
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  std::fprintf(output, "clock %llu %llu %llu %llu\n", static_cast<unsigned long long>(total), static_cast<unsigned long long>(counts[kMultiply]),
               static_cast<unsigned long long>(counts[kLoad]), static_cast<unsigned long long>(counts[kStore]));
}

void finish(qemu_plugin_id_t, void*) {
  std::vector<std::pair<std::uint64_t, const std::pair<const std::uint64_t, Block>*>> order;
  for (const auto& entry : blocks) order.emplace_back(entry.second.executions * entry.second.text.size(), &entry);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = 0; i < order.size() && i < hot_blocks; ++i) {
    const auto& [address, block] = *order[i].second;
    std::fprintf(output, "block %llx %llu %llu\n", static_cast<unsigned long long>(address), static_cast<unsigned long long>(block.executions),
                 static_cast<unsigned long long>(order[i].first));
    for (const std::string& line : block.text) std::fprintf(output, "  %s\n", line.c_str());
  }
  std::fclose(output);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* machine, int argc, char** argv) {
  if (std::strncmp(machine->target_name, "riscv", 5) == 0) mnemonics = &kRiscv;
  for (int i = 0; i < argc; ++i) {
    if (std::strncmp(argv[i], "out=", 4) == 0) output = std::fopen(argv[i] + 4, "w");
    else if (std::strncmp(argv[i], "hot=", 4) == 0) hot_blocks = static_cast<std::size_t>(std::atoll(argv[i] + 4));
    else return std::fprintf(stderr, "count_instructions: unknown argument %s\n", argv[i]), 1;
  }
  if (output == nullptr) return std::fprintf(stderr, "count_instructions: out=FILE is missing or cannot be written\n"), 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_vcpu_syscall_cb(id, on_system_call);
  qemu_plugin_register_atexit_cb(id, finish, nullptr);
  return 0;
}
