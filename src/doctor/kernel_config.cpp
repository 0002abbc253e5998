#include "doctor/kernel_config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/fd.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "boot/decompress.h"
#include "boot/inspection.h"
#include "doctor/report.h"

namespace pv::doctor {
namespace {

constexpr usize largest = boot::KernelConfig::largest;

// The first of "A|B" that is set, or the last one's absence.
std::string value_of(const boot::KernelConfig& config, std::string_view names) {
  while (!names.empty()) {
    const usize end = std::min(names.find('|'), names.size());
    if (const auto value = config.value(names.substr(0, end))) return std::string(*value);
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return {};
}

OptionFinding look(const boot::KernelConfig& config, const KernelOption& option) {
  OptionFinding finding{option, value_of(config, option.name), State::fine, option.gives};
  const std::string_view by = option.selected_by;
  if (!finding.value.empty() && (finding.value != "m" || option.as_module)) {
    if (!by.empty()) finding.words += text("; selected by {}, not by hand", by);
    return finding;
  }
  if (finding.value == "m") {
    finding.state = State::limited;
    finding.words = text("a module: {} until it is loaded", option.without);
    return finding;
  }
  finding.state = option.missing;
  finding.words = text("{}; without it: {}", option.gives, option.without);
  if (!by.empty()) finding.words = text("{}; selected by {}, not by hand", option.gives, by);
  return finding;
}

const char* name(Role role) { return role == Role::host ? "host" : "guest"; }

const char* mark(State state) {
  switch (state) {
    case State::fine: return "ok  ";
    case State::limited: return "less";
    case State::broken: return "BAD ";
    case State::absent: return "-   ";
  }
  return "?";
}

bool complete(std::span<const OptionFinding> findings) {
  return std::ranges::none_of(findings,
                              [](const OptionFinding& f) { return f.state == State::broken; });
}

// The file's first bytes, at most what a configuration can have.
Result<std::string> read_beginning(int fd, const std::string& file) {
  struct stat status{};
  if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
    return fail(Error::Kind::image, text("{}: is a directory, not a file", file));
  std::string content(largest + 1, '\0');
  if (::lseek(fd, 0, SEEK_SET) < 0)
    return fail_errno(text("{}: cannot be read twice", file), errno);
  const usize got =
      TRY(read_fully(fd, {reinterpret_cast<u8*>(content.data()), content.size()}), file);
  content.resize(got);
  return content;
}

bool is_text(std::string_view content) {
  const std::string_view head = content.substr(0, 512);
  return !head.empty() && std::ranges::all_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || byte == '\n' || byte == '\t' || byte == '\r';
  });
}

// A configuration by itself: whole, or a fragment. `packing`: "", or "compressed ".
FoundConfig by_itself(boot::KernelConfig config, std::string_view packing) {
  const std::string what = text("a {}.config", packing);
  const bool fragment = config.looks_like_fragment();
  return {std::move(config),
          fragment ? text("what looks like a fragment of {}", what) : what,
          {},
          fragment};
}

// Whether a gzip stream that cannot be read to its end begins with a configuration.
bool begins_as_config(int fd, const std::string& file) {
  const auto image = boot::ImageFile::open(fd, file);
  if (!image) return false;
  auto stream = boot::Decompressor::open(*image, boot::Compression::gzip, 0, image->size());
  std::string head(512, '\0');
  if (!stream || !stream->read({reinterpret_cast<u8*>(head.data()), head.size()})) return false;
  return is_text(head) && head.find("CONFIG_") != head.npos;
}

// A kernel image, whose configuration is somewhere inside.
Result<FoundConfig> from_image(int fd, const std::string& file) {
  const boot::ImageFile image = TRY(boot::ImageFile::open(fd, file));
  boot::Inspection inspection = TRY(boot::inspect(image));
  if (inspection.config)
    return FoundConfig{*std::move(inspection.config),
                       text("the configuration inside {}", inspection.what), inspection.arch};
  if (!inspection.config_damage.empty())
    return fail(
        Error::Kind::image,
        text("{}: {}, whose configuration is inside but damaged: {}", file, inspection.what,
             inspection.config_damage),
        "the file was cut off or changed after it was built: copy it again, or give its .config");
  const char* hint =
      "give its .config (often /boot/config-VERSION), /proc/config.gz of the running kernel, or an "
      "image "
      "built with CONFIG_IKCONFIG=y (m puts it into the module configs.ko)";
  if (inspection.searched && inspection.is_linux())
    return fail(Error::Kind::image,
                text("{}: {}, but its configuration is not inside (built without CONFIG_IKCONFIG)",
                     file, inspection.what),
                hint);
  return fail(Error::Kind::image,
              text("{}: {}; no kernel configuration was found in it", file, inspection.what), hint);
}

void summary(std::string& out, std::span<const OptionFinding> findings, Role role) {
  const auto count = [&](State state) {
    return std::ranges::count_if(findings,
                                 [&](const OptionFinding& f) { return f.state == state; });
  };
  out += text(
      "\n{}: {} set, {} missing that cost something, {} missing that are needed, {} that nobody "
      "misses.\n",
      complete(findings) ? text("Good for a {}", name(role))
                         : text("Not good for a {}", name(role)),
      count(State::fine), count(State::limited), count(State::broken), count(State::absent));
}

}  // namespace

std::vector<OptionFinding> examine(const boot::KernelConfig& config, Arch arch, Role role) {
  std::vector<OptionFinding> findings;
  for (const KernelOption& option : kernel_options(arch, role))
    findings.push_back(look(config, option));
  return findings;
}

std::optional<Arch> architecture_of(const boot::KernelConfig& config) {
  const std::string_view heading = config.heading();
  struct Sign {
    const char* heading;
    const char* option;
    Arch arch;
  };
  constexpr Sign signs[] = {{"Linux/arm64", "ARM64", Arch::aarch64},
                            {"Linux/riscv", "RISCV", Arch::riscv64},
                            {"Linux/powerpc", "PPC", Arch::powerpc},
                            {"Linux/x86", "X86_64", Arch::x86_64}};
  for (const Sign& sign : signs)
    if (heading.starts_with(sign.heading) || config.enabled(sign.option)) return sign.arch;
  return std::nullopt;
}

Result<FoundConfig> read_kernel_config(int fd, const std::string& file) {
  std::string content = TRY(read_beginning(fd, file));
  if (content.empty()) return fail(Error::Kind::image, text("{}: is empty", file));
  if (is_text(content) && content.size() <= largest)
    return by_itself(TRY(boot::KernelConfig::from_text(std::move(content)), file), "");
  // A gzip stream is either config.gz or a compressed kernel: only the first is text throughout.
  if (boot::compression_of(bytes_of(content)) == boot::Compression::gzip) {
    auto config = boot::KernelConfig::from_gzip(bytes_of(content));
    if (config && is_text(config->text())) return by_itself(*std::move(config), "compressed ");
    if (!config && begins_as_config(fd, file))
      return fail(Error::Kind::image,
                  text("{}: a compressed .config, but {}", file, config.error().message),
                  "copy it again, or give the .config itself");
  }
  return from_image(fd, file);
}

std::string text_report(const FoundConfig& found, Arch arch, Role role,
                        std::span<const OptionFinding> findings) {
  constexpr usize indent = 6 + 34 + 1;
  std::string out = text(
      "{} as a {}'s, for {}: {}\n\n", found.where, name(role), pv::name(arch),
      found.config.heading().empty() ? "it does not say of which kernel" : found.config.heading());
  for (const OptionFinding& finding : findings) {
    const std::string shown = finding.value.empty()
                                  ? text("{} not set", finding.option.name)
                                  : text("{}={}", finding.option.name, finding.value);
    out += text("{}  {:<34} {}\n", mark(finding.state), shown, wrapped(finding.words, indent));
  }
  if (const auto own = architecture_of(found.config); own && *own != arch)
    out += text(
        "\nIt is the configuration of a kernel for {}, held against what {} needs: leave "
        "out --arch.\n",
        pv::name(*own), pv::name(arch));
  summary(out, findings, role);
  if (found.fragment)
    out +=
        "\nThe file looks like a fragment, not like a whole .config (no heading, no CONFIG_HZ): "
        "what "
        "it does not\nmention may be set all the same, by default or selected. Give the .config "
        "that "
        "the kernel's build made of it.\n";
  return out;
}

std::string json_report(const FoundConfig& found, Arch arch, Role role,
                        std::span<const OptionFinding> findings) {
  JsonWriter json;
  json.object();
  json.field("source", found.where);
  json.field("kernel", found.config.heading());
  json.field("architecture", pv::name(arch));
  json.field("role", name(role));
  json.field("fragment", found.fragment);
  json.field("complete", complete(findings));
  json.array("options");
  for (const OptionFinding& finding : findings) {
    json.object();
    json.field("name", finding.option.name);
    json.field("value", finding.value);
    json.field("state", doctor::name(finding.state));
    json.field("gives", finding.option.gives);
    json.field("without", finding.option.without);
    json.field("selected_by", finding.option.selected_by);
    json.end();
  }
  json.end();
  json.end();
  return json.take() + "\n";
}

}  // namespace pv::doctor
