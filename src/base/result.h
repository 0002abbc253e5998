// Failure of the host or of what the user asked for: Result<T> up to main, each layer adding what
// it was doing. Guest misbehaviour is never an Error, and our own bugs are CHECK's.
//
//   Result<Fd> disk = open_disk(path);             // produce
//   Fd fd = TRY(open_disk(path));                  // pass on
//   Fd fd = TRY(open_disk(path), "disk 0");        // pass on: "disk 0: <message>"
//   return fail(Error::Kind::image, "truncated", "copy the file again");
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace pv {

struct Error {
  // What went wrong decides the exit status (see cli/exit_status.h).
  enum class Kind {
    usage,  // the command line or configuration asks for something impossible
    image,  // a file given to us is not what it has to be
    host,   // the host kernel, KVM or the machine cannot do it
  };
  Kind kind = Kind::host;
  std::string message;  // one sentence without a full stop: what and where
  std::string hint;     // what to do next; may be empty
  // The doctor's check (src/doctor) that can say why on this host; empty: none. A literal.
  std::string_view check{};

  Error within(std::string_view doing) && {
    message = std::string(doing) + ": " + message;
    return std::move(*this);
  }
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error::Kind kind, std::string message, std::string hint = {}) {
  return std::unexpected(Error{kind, std::move(message), std::move(hint)});
}
// The host cannot do it, and the doctor's check of this name knows why: the text is there.
inline std::unexpected<Error> fail_check(std::string_view check, std::string message,
                                         std::string hint = "polyvisor doctor says why") {
  return std::unexpected(Error{Error::Kind::host, std::move(message), std::move(hint), check});
}

// A failed system call: "<what>: <strerror> (errno NAME)", with the check that may explain it.
std::unexpected<Error> fail_errno(std::string what, int error, std::string hint = {});

}  // namespace pv

#define PV_TRY_1(expression)                                    \
  ({                                                            \
    auto pv_result = (expression);                              \
    if (!pv_result) [[unlikely]]                                \
      return ::std::unexpected(::std::move(pv_result).error()); \
    *::std::move(pv_result);                                    \
  })
#define PV_TRY_2(expression, doing)                                           \
  ({                                                                          \
    auto pv_result = (expression);                                            \
    if (!pv_result) [[unlikely]]                                              \
      return ::std::unexpected(::std::move(pv_result).error().within(doing)); \
    *::std::move(pv_result);                                                  \
  })
#define PV_TRY_PICK(a, b, NAME, ...) NAME
#define TRY(...) PV_TRY_PICK(__VA_ARGS__, PV_TRY_2, PV_TRY_1)(__VA_ARGS__)
