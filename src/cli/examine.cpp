#include "cli/examine.h"

#include <fcntl.h>

#include <optional>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/live_subject.h"
#include "inspect/kernel_log.h"
#include "inspect/symbols.h"

namespace pv::cli {
namespace {

// Of a file that may be a pipe to which nobody writes. Standard input has all the time.
constexpr int patience_ms = 10'000;

}  // namespace

Result<std::vector<u8>> read_whole(const std::string& path, u64 most) {
  Fd file;
  if (path != "-") {
    // A pipe that nobody writes to neither opens nor ends.
    auto opened = open_file(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    if (!opened) {
      Error error = std::move(opened).error();
      error.kind = Error::Kind::image;
      return std::unexpected(std::move(error));
    }
    file = *std::move(opened);
  }
  std::vector<u8> bytes;
  constexpr usize step = 256 << 10;
  for (;;) {
    const usize old = bytes.size();
    bytes.resize(old + step);
    const auto room = std::span(bytes).subspan(old);
    auto read = file.valid() ? read_fully(file.get(), room, patience_ms) : read_fully(0, room);
    if (!read && read.error().kind == Error::Kind::image)
      read.error().hint = "if it is slow, pipe it to standard input and give - as the file";
    const usize got = TRY(std::move(read), path);
    bytes.resize(old + got);
    if (got < step) return bytes;
    if (bytes.size() > most)
      return fail(Error::Kind::image, text("{} is larger than {}", path, size_text(most)));
  }
}

Result<inspect::Report> examine(inspect::Subject& subject, const Examination& how) {
  std::optional<inspect::Symbols> symbols;
  if (!how.symbols.empty()) {
    const auto file = TRY(read_whole(how.symbols, u64{1} << 30));
    symbols = TRY(inspect::Symbols::parse(file), how.symbols);
  }
  // A guest with much memory, or a slow host: the verdict is worth more than the log.
  const i64 patience = monotonic_ms() + 30'000;
  inspect::Options options{.samples = how.samples,
                           .wait = [] { sleep_ms(20); },
                           .symbols = symbols ? &*symbols : nullptr,
                           .search = [patience] { return monotonic_ms() < patience; }};
  if (how.whole_log) options.log_lines = inspect::KernelLog::max_lines;
  if (!subject.facts().live || !how.log) options.search = nullptr;
  return inspect::diagnose(subject, options);
}

Result<inspect::Report> examine_running(const control::Running& vm, const Examination& how) {
  const auto subject = TRY(LiveSubject::open(vm));
  return examine(*subject, how);
}

}  // namespace pv::cli
