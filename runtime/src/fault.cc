// A fault as one line of text: where, what was expected, what came. Written without stdio, for machines that have none.
#include "cortado/model.h"

namespace cortado {

namespace {

class Line {
 public:
  Line(char* text, std::size_t bytes) : text_(text), room_(bytes > 0 ? bytes - 1 : 0) {}

  Line& operator<<(const char* s) {
    for (; *s != '\0' && length_ < room_; ++s) text_[length_++] = *s;
    return *this;
  }

  Line& operator<<(std::int64_t value) {
    char digits[24];
    char* p = digits + sizeof digits;
    *--p = '\0';
    std::uint64_t rest = value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
    do *--p = static_cast<char>('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (value < 0) *--p = '-';
    return *this << p;
  }

  std::size_t length() const { return length_; }

 private:
  char* text_;
  std::size_t room_;
  std::size_t length_ = 0;
};

void write_range(Line& line, const cortado_fault& fault) {
  line << "expected " << fault.min;
  if (fault.max > fault.min) line << (fault.status == CORTADO_WRONG_DIM ? " or " : " to ") << fault.max;
  line << ", got " << fault.got;
}

void write_place(Line& line, const cortado_model_info& info, const cortado_fault& fault) {
  const bool input = fault.input >= 0 && static_cast<std::size_t>(fault.input) < info.n_inputs;
  const bool output = fault.output >= 0 && static_cast<std::size_t>(fault.output) < info.n_outputs;
  if (fault.layer != nullptr) line << "op " << fault.op << " (" << fault.layer << "): ";
  if (input) line << "input " << info.inputs[fault.input].name;
  if (input && output) line << " and ";
  if (output) line << "output " << info.outputs[fault.output].name;
  if (fault.dim >= 0) line << ", dimension " << fault.dim;
  if (input || output) line << ": ";
}

}  // namespace

std::size_t fault_text(const NetDescription& net, const cortado_fault& fault, char* text, std::size_t text_bytes) {
  if (text == nullptr || text_bytes == 0) return 0;
  Line line(text, text_bytes);
  write_place(line, net.info, fault);
  line << cortado_status_text(fault.status);
  switch (fault.status) {
    case CORTADO_WRONG_DTYPE:
      line << ": expected " << cortado_dtype_text(static_cast<std::int32_t>(fault.min)) << ", got "
           << cortado_dtype_text(static_cast<std::int32_t>(fault.got));
      break;
    case CORTADO_BUFFER_TOO_SMALL:
      line << ": it takes " << fault.min << " bytes, size_bytes is " << fault.got;
      break;
    case CORTADO_WRONG_COUNT:
      if (fault.got > 0) line << ": the net has " << fault.max << ", got " << fault.got;
      else line << ": it was left out and is not optional";
      break;
    case CORTADO_WRONG_RANK:
    case CORTADO_WRONG_DIM:
    case CORTADO_DIM_OUT_OF_BOUNDS:
    case CORTADO_EXTENT_OUT_OF_BOUNDS:
    case CORTADO_INDEX_OUT_OF_RANGE:
      line << ": ";
      write_range(line, fault);
      break;
    default:
      if (fault.got != 0 || fault.min != 0 || fault.max != 0) {
        line << ": ";
        write_range(line, fault);
      }
  }
  text[line.length()] = '\0';
  return line.length();
}

}  // namespace cortado
