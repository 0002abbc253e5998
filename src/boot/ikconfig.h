// A Linux kernel's configuration: the text of a .config and, where the kernel was built with
// CONFIG_IKCONFIG, the copy of it inside the kernel image: a gzip stream between the marks
// "IKCFG_ST" and "IKCFG_ED" (Linux kernel/configs.c, scripts/extract-ikconfig).
// Deliberately absent: Kconfig itself (what selects or needs what).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace pv::boot {

class KernelConfig {
 public:
  // A larger text is no kernel configuration; today's have 300 KiB.
  static constexpr usize largest = usize{4} << 20;

  // `text` is a .config: lines "CONFIG_NAME=value" and "# CONFIG_NAME is not set". Errors: it has
  // no such line.
  static Result<KernelConfig> from_text(std::string text);
  // `stream` begins with a gzip stream (config.gz, or what follows IKCFG_ST). Errors: broken, not a
  // configuration, no gzip in this build.
  static Result<KernelConfig> from_gzip(Bytes stream);

  // The value of an option, without "CONFIG_" and quotes: "y", "m", "4096", "/sbin/init". Nothing
  // where it is "not set" or not mentioned. Points into this object.
  std::optional<std::string_view> value(std::string_view option) const;
  bool built_in(std::string_view option) const { return value(option) == "y"; }
  bool module(std::string_view option) const { return value(option) == "m"; }
  bool enabled(std::string_view option) const { return built_in(option) || module(option); }
  // "arm64" and "6.12.3" from the text's heading, empty where there is none.
  std::string_view heading() const;
  // Whether it lacks what each configuration has that Kconfig has completed: a fragment, whose
  // unmentioned options may be set all the same.
  bool looks_like_fragment() const;
  const std::string& text() const { return text_; }

 private:
  explicit KernelConfig(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// Looks for the marks in an image that is read piece by piece, of whatever size.
class IkconfigFinder {
 public:
  // The next bytes of the (decompressed) image.
  void feed(Bytes piece);
  // After all has been fed: the configuration, nothing where the image has none. Errors: the marks
  // are there, but what is between them is broken or is no gzip stream.
  Result<std::optional<KernelConfig>> finish() const;
  // Nothing more is needed.
  bool complete() const { return state_ == State::complete; }

 private:
  enum class State : u8 { searching, collecting, complete };
  void search(Bytes piece);
  void collect(Bytes piece);

  State state_ = State::searching;
  std::string tail_;       // the last bytes of the piece before, where a mark may have begun
  std::string collected_;  // from behind IKCFG_ST
  bool begin_seen_ = false, end_seen_ = false;  // marks without what belongs behind the first
};

}  // namespace pv::boot
