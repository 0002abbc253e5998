// JsonWriter: JSON (RFC 8259) put together piece by piece, for the --json forms of commands.
// Readers use json.h.
//
//   JsonWriter json;
//   json.object();
//   json.field("name", "Image");
//   json.array("sizes");
//   json.value(1);
//   json.end();          // of the array
//   json.end();          // of the object
//   json.take()          // {"name":"Image","sizes":[1]}
//
// Nesting is the caller's promise: what begins must be ended. Deliberately absent: indentation,
// fractions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace pv {

// `plain` in quotes. Bytes that are no valid UTF-8 become U+FFFD.
std::string json_string(std::string_view plain);

class JsonWriter {
 public:
  // Begins an object or array, as a value or under a name.
  void object() { begin('{'); }
  void object(std::string_view name) { key(name), begin('{'); }
  void array() { begin('['); }
  void array(std::string_view name) { key(name), begin('['); }
  void end();

  void value(std::string_view text) { put(json_string(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool yes) { put(yes ? "true" : "false"); }
  void value(u64 number);
  void value(u32 number) { value(u64{number}); }
  void null() { put("null"); }

  template <class T>
  void field(std::string_view name, const T& content) {
    key(name);
    value(content);
  }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void begin(char bracket);
  void key(std::string_view name);
  void put(std::string_view raw);
  void separate();

  std::string text_;
  std::vector<char> open_;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace pv
