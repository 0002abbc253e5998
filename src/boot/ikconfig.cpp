#include "boot/ikconfig.h"

#include <algorithm>

#include "base/text.h"

#if PV_HAVE_Z
#include <zlib.h>
#endif

namespace pv::boot {
namespace {

constexpr std::string_view begin_mark = "IKCFG_ST";
constexpr std::string_view end_mark = "IKCFG_ED";
constexpr usize largest_stream = usize{1} << 20;

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::unexpected<Error> bad(std::string why) {
  return fail(Error::Kind::image, text("kernel configuration: {}", why));
}

}  // namespace

Result<KernelConfig> KernelConfig::from_text(std::string content) {
  if (content.size() > largest) return bad(pv::text("{} bytes are too many", content.size()));
  KernelConfig config(std::move(content));
  const std::string_view all = config.text_;
  const bool any = all.starts_with("CONFIG_") || all.find("\nCONFIG_") != all.npos ||
                   all.find("# CONFIG_") != all.npos;
  if (!any) return bad("there is no line \"CONFIG_...\" in it");
  return config;
}

Result<KernelConfig> KernelConfig::from_gzip([[maybe_unused]] Bytes stream) {
#if PV_HAVE_Z
  z_stream z{};
  if (::inflateInit2(&z, 15 + 16) != Z_OK)
    return fail(Error::Kind::host, "not enough memory to decompress");
  std::string out;
  z.next_in = const_cast<u8*>(stream.data());
  z.avail_in = static_cast<uInt>(std::min<usize>(stream.size(), largest));
  int status = Z_OK;
  while (status == Z_OK && out.size() <= largest) {
    constexpr usize step = 64 * 1024;
    const usize before = out.size();
    out.resize(before + step);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    z.avail_out = static_cast<uInt>(step);
    status = ::inflate(&z, Z_NO_FLUSH);
    out.resize(before + step - z.avail_out);
    if (status == Z_BUF_ERROR) break;
  }
  ::inflateEnd(&z);
  if (status != Z_STREAM_END) return bad("its gzip stream is broken or cut off");
  return from_text(std::move(out));
#else
  return bad("this build of polyvisor was made without gzip");
#endif
}

std::optional<std::string_view> KernelConfig::value(std::string_view option) const {
  const std::string_view all = text_;
  const std::string line = pv::text("CONFIG_{}=", option);
  for (usize at = all.find(line); at != all.npos; at = all.find(line, at + 1)) {
    if (at != 0 && all[at - 1] != '\n') continue;
    const usize start = at + line.size();
    std::string_view found = all.substr(start, all.find('\n', start) - start);
    if (found.ends_with('\r')) found.remove_suffix(1);
    if (found.size() >= 2 && found.front() == '"' && found.back() == '"')
      found = found.substr(1, found.size() - 2);
    if (found == "n") return std::nullopt;
    return found;
  }
  return std::nullopt;
}

std::string_view KernelConfig::heading() const {
  constexpr std::string_view ending = " Kernel Configuration";
  const std::string_view all = std::string_view(text_).substr(0, 1024);
  const usize end = all.find(ending);
  if (end == all.npos) return {};
  const usize line = all.rfind('\n', end);
  std::string_view found = all.substr(line == all.npos ? 0 : line + 1);
  found = found.substr(0, found.find(ending));
  if (found.starts_with("# ")) found.remove_prefix(2);
  return found;
}

bool KernelConfig::looks_like_fragment() const {
  return heading().empty() && !value("CC_VERSION_TEXT") && !value("HZ");
}

void IkconfigFinder::feed(Bytes piece) {
  if (state_ == State::searching)
    search(piece);
  else if (state_ == State::collecting)
    collect(piece);
}

// A mark alone proves nothing (a kernel has the word in its own code): a gzip stream must follow.
void IkconfigFinder::search(Bytes piece) {
  constexpr std::string_view gzip_magic = "\x1f\x8b\x08";
  constexpr usize whole = begin_mark.size() + gzip_magic.size();
  const std::string joined =
      tail_ + std::string(as_text(piece.first(std::min(piece.size(), whole))));
  const auto found_in = [&](std::string_view where) {
    for (usize at = where.find(begin_mark); at != where.npos; at = where.find(begin_mark, at + 1))
      if (where.substr(at + begin_mark.size()).starts_with(gzip_magic)) return at;
    return std::string_view::npos;
  };
  for (std::string_view where : {std::string_view(joined), as_text(piece)}) {
    begin_seen_ = begin_seen_ || where.find(begin_mark) != where.npos;
    end_seen_ = end_seen_ || (begin_seen_ && where.find(end_mark) != where.npos);
  }
  const usize across = tail_.empty() ? std::string::npos : found_in(joined);
  const std::string_view all = as_text(piece);
  if (across != std::string::npos && across < tail_.size()) {
    state_ = State::collecting;
    collected_ = tail_.substr(std::min(across + begin_mark.size(), tail_.size()));
    const usize consumed = across + begin_mark.size();
    collect(piece.subspan(consumed > tail_.size() ? consumed - tail_.size() : 0));
    return;
  }
  if (const usize at = found_in(all); at != all.npos) {
    state_ = State::collecting;
    collect(piece.subspan(at + begin_mark.size()));
    return;
  }
  tail_ += all.substr(all.size() - std::min(all.size(), whole));
  if (tail_.size() > whole) tail_.erase(0, tail_.size() - whole);
}

void IkconfigFinder::collect(Bytes piece) {
  const usize from = collected_.size() - std::min(collected_.size(), end_mark.size());
  const usize room = largest_stream - std::min(largest_stream, collected_.size());
  collected_ += as_text(piece.first(std::min(piece.size(), room)));
  const usize end = collected_.find(end_mark, from);
  if (end != collected_.npos) collected_.resize(end);
  if (end != collected_.npos || collected_.size() >= largest_stream) state_ = State::complete;
}

Result<std::optional<KernelConfig>> IkconfigFinder::finish() const {
  if (state_ == State::searching && begin_seen_ && end_seen_)
    return bad("its marks are there, but no gzip stream begins between them");
  if (state_ == State::searching) return std::nullopt;
  const auto* data = reinterpret_cast<const u8*>(collected_.data());
  auto config = KernelConfig::from_gzip({data, collected_.size()});
  if (!config) return std::unexpected(std::move(config).error());
  return std::optional(*std::move(config));
}

}  // namespace pv::boot
