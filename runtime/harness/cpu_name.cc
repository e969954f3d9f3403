// Linux tells in /proc/cpuinfo: x86 by model name, family and model; ARM by implementer and part.
#include "cpu_name.h"

#include <cstdio>
#include <cstring>

namespace cortado {

namespace {

constexpr std::size_t kField = 96;

struct CpuFacts {
  char model_name[kField], family[kField], model[kField], implementer[kField], part[kField];
};

// Copies what follows the colon of `key : value`, the first time that the key is met.
void take(const char* line, const char* key, char* value) {
  const std::size_t length = std::strlen(key);
  if (value[0] != '\0' || std::strncmp(line, key, length) != 0) return;
  const char* at = line + length + std::strspn(line + length, " \t");
  if (*at != ':') return;
  at += 1 + std::strspn(at + 1, " \t");
  const std::size_t count = std::strcspn(at, "\r\n");
  std::snprintf(value, kField, "%.*s", static_cast<int>(count), at);
}

}  // namespace

void cpu_name(char* text, std::size_t bytes) {
  CpuFacts facts{};
  if (std::FILE* const info = std::fopen("/proc/cpuinfo", "r")) {
    char line[4096];
    while (std::fgets(line, sizeof line, info) != nullptr) {
      take(line, "model name", facts.model_name);
      take(line, "cpu family", facts.family);
      take(line, "model", facts.model);
      take(line, "CPU implementer", facts.implementer);
      take(line, "CPU part", facts.part);
    }
    std::fclose(info);
  }
  if (facts.model_name[0] != '\0' && facts.family[0] != '\0')
    std::snprintf(text, bytes, "%s (family %s model %s)", facts.model_name, facts.family, facts.model);
  else if (facts.implementer[0] != '\0')
    std::snprintf(text, bytes, "CPU %s part %s", facts.implementer, facts.part);
  else
    std::snprintf(text, bytes, "%s", facts.model_name[0] != '\0' ? facts.model_name : "unknown");
}

}  // namespace cortado
