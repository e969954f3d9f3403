// The header is a Python dict literal: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 224, 224), }.
#include "npy.h"

#include <cstdio>
#include <cstring>

namespace cortado {

namespace {

struct DtypeName {
  char text[4];
  cortado_dtype dtype;
};

constexpr DtypeName kDtypes[] = {
    {"<f4", CORTADO_FLOAT32}, {"<f8", CORTADO_FLOAT64}, {"<f2", CORTADO_FLOAT16}, {"<i4", CORTADO_INT32}, {"<i8", CORTADO_INT64},
    {"<i2", CORTADO_INT16},   {"|i1", CORTADO_INT8},    {"|u1", CORTADO_UINT8},   {"<u2", CORTADO_UINT16}, {"|b1", CORTADO_BOOL},
};

// A cursor over the header text.
class Cursor {
 public:
  Cursor(const char* begin, const char* end) : at_(begin), end_(end) {}

  bool take(char c) {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  // 'text' or "text", shorter than `room`.
  bool take_string(char* text, std::size_t room) {
    skip_space();
    if (at_ == end_ || (*at_ != '\'' && *at_ != '"')) return false;
    const char quote = *at_++;
    std::size_t n = 0;
    for (; at_ != end_ && *at_ != quote; ++at_) {
      if (n + 1 == room) return false;
      text[n++] = *at_;
    }
    text[n] = '\0';
    return at_ != end_ && *at_++ == quote;
  }

  bool take_word(const char* word) {
    skip_space();
    const std::size_t n = std::strlen(word);
    if (static_cast<std::size_t>(end_ - at_) < n || std::memcmp(at_, word, n) != 0) return false;
    at_ += n;
    return true;
  }

  bool take_number(std::int64_t* value) {
    skip_space();
    const char* const begin = at_;
    *value = 0;
    for (; at_ != end_ && *at_ >= '0' && *at_ <= '9'; ++at_) {
      if (*value > (INT64_MAX - 9) / 10) return false;
      *value = *value * 10 + (*at_ - '0');
    }
    return at_ != begin;
  }

 private:
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t')) ++at_;
  }

  const char* at_;
  const char* end_;
};

struct NpyHeader {
  char dtype[16] = "";
  bool fortran_order = false;
  bool has_shape = false;
  int rank = 0;
  std::int64_t dims[CORTADO_MAX_RANK] = {};
};

bool take_shape(Cursor& cursor, NpyHeader* header) {
  if (!cursor.take('(')) return false;
  header->has_shape = true;
  while (!cursor.take(')')) {
    if (header->rank == CORTADO_MAX_RANK || !cursor.take_number(&header->dims[header->rank])) return false;
    ++header->rank;
    if (!cursor.take(',')) return cursor.take(')');
  }
  return true;
}

bool parse_header(Cursor cursor, NpyHeader* header) {
  if (!cursor.take('{')) return false;
  while (!cursor.take('}')) {
    char key[16];
    if (!cursor.take_string(key, sizeof key) || !cursor.take(':')) return false;
    bool good = false;
    if (std::strcmp(key, "descr") == 0) good = cursor.take_string(header->dtype, sizeof header->dtype);
    else if (std::strcmp(key, "shape") == 0) good = !header->has_shape && take_shape(cursor, header);
    else if (std::strcmp(key, "fortran_order") == 0) {
      header->fortran_order = cursor.take_word("True");
      good = header->fortran_order || cursor.take_word("False");
    }
    if (!good) return false;
    if (!cursor.take(',')) return cursor.take('}');
  }
  return true;
}

}  // namespace

bool parse_npy(Bytes& file, const char* name, cortado_tensor* tensor, Error* error) {
  const std::uint8_t* const p = file.data();
  const bool magic = file.size() >= 10 && std::memcmp(p, "\x93NUMPY", 6) == 0 && p[6] >= 1 && p[6] <= 3;
  if (!magic) return fail(error, kExitRun, "%s is not an .npy file", name);
  std::size_t start = 10;
  std::size_t length = static_cast<std::size_t>(p[8]) | static_cast<std::size_t>(p[9]) << 8;
  if (p[6] > 1 && file.size() >= 12) {
    start = 12;
    length |= static_cast<std::size_t>(p[10]) << 16 | static_cast<std::size_t>(p[11]) << 24;
  }
  if (length > file.size() - start) return fail(error, kExitRun, "%s ends within its header", name);
  const char* const text = reinterpret_cast<const char*>(p + start);
  NpyHeader header;
  if (!parse_header(Cursor(text, text + length), &header) || !header.has_shape)
    return fail(error, kExitRun, "%s has an .npy header that cannot be read (at most %d dimensions)", name, CORTADO_MAX_RANK);
  if (header.fortran_order)
    return fail(error, kExitRun, "%s is in Fortran order; save numpy.ascontiguousarray(x) instead", name);
  tensor->dtype = 0;
  for (const DtypeName& known : kDtypes)
    if (std::strcmp(known.text, header.dtype) == 0 || (header.dtype[0] == '=' && std::strcmp(known.text + 1, header.dtype + 1) == 0))
      tensor->dtype = known.dtype;
  if (tensor->dtype == 0) return fail(error, kExitRun, "%s holds elements of type '%s', which no net takes", name, header.dtype);
  std::size_t bytes = cortado_dtype_bytes(tensor->dtype);
  const std::size_t present = file.size() - start - length;
  tensor->rank = header.rank;
  bool empty = false, fits = true;
  for (int d = 0; d < header.rank; ++d) {
    tensor->dims[d] = header.dims[d];
    empty = empty || header.dims[d] == 0;
    fits = fits && (header.dims[d] == 0 || bytes <= present / static_cast<std::size_t>(header.dims[d]));
    if (fits && header.dims[d] > 0) bytes *= static_cast<std::size_t>(header.dims[d]);
  }
  if (!empty && (!fits || bytes > present)) return fail(error, kExitRun, "%s ends too early: its shape takes more bytes than there are", name);
  tensor->size_bytes = empty ? 0 : bytes;
  tensor->data = file.data() + start + length;
  return true;
}

bool format_npy(const cortado_tensor& tensor, Bytes* file) {
  const char* dtype = "";
  for (const DtypeName& known : kDtypes)
    if (known.dtype == tensor.dtype) dtype = known.text;
  char header[320] = "";
  int n = std::snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (", dtype);
  std::size_t bytes = cortado_dtype_bytes(tensor.dtype);
  for (int d = 0; d < tensor.rank; ++d) {
    n += std::snprintf(header + n, sizeof header - static_cast<std::size_t>(n), tensor.rank == 1 ? "%lld," : d == 0 ? "%lld" : ", %lld",
                       static_cast<long long>(tensor.dims[d]));
    bytes *= static_cast<std::size_t>(tensor.dims[d]);
  }
  n += std::snprintf(header + n, sizeof header - static_cast<std::size_t>(n), "), }");
  while ((10 + n + 1) % 64 != 0) header[n++] = ' ';  // so that the data is aligned
  header[n++] = '\n';
  const std::uint8_t head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8)};
  return file->append(head, 10) && file->append(header, static_cast<std::size_t>(n)) && file->append(tensor.data, bytes);
}

}  // namespace cortado
