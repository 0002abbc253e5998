// Inspection: what a file is that somebody wants to start, in plain words: `polyvisor inspect`.
// inspect() looks at the file alone and knows every architecture; judge() holds it against a
// machine as parse() and place() would, without any guest memory.
//
// All of the file is read once (unpacked, if need be) for what is inside a Linux kernel: its
// version, its configuration where it carries one, the names of its drivers.
// Deliberately absent: symbols, signatures, what is compressed with xz and the like.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/arch.h"
#include "boot/ikconfig.h"
#include "boot/image.h"
#include "boot/loader.h"

namespace pv::boot {

// One line of a header: `key` for programs, `label` and `value` for people.
struct HeaderField {
  const char* key;
  const char* label;
  std::string value;
};

struct Finding {
  enum class Level : u8 {
    note,        // worth knowing
    suspicious,  // may well be why it does not run
  };
  Level level;
  std::string what;
  std::string hint;  // may be empty
};

// A driver that a Linux guest uses on polyvisor's machine of an architecture.
struct Driver {
  const char* option;   // of its configuration, without "CONFIG_"
  const char* mark;     // a string that the driver has in it
  const char* what;     // "the serial console ttyAMA0 (PL011)"
  const char* without;  // what is lost
  bool essential;
};
std::span<const Driver> drivers_for(Arch arch);

enum class Presence : u8 { unknown, absent, module, built_in };
struct DriverState {
  const Driver* driver;
  Presence presence;
};

struct Inspection {
  enum class Kind : u8 {
    kernel,   // of a format that polyvisor starts on some architecture
    flat,     // nothing that is known: started as a flat binary
    foreign,  // known to be something else
  };
  Kind kind = Kind::flat;
  std::string what;           // "an arm64 Linux Image, compressed with gzip"
  std::optional<Arch> arch;   // of its machine code; a flat binary does not tell
  std::string instead;        // of what is foreign: what to do with it
  std::string linux_version;  // the banner without "Linux version "; empty: none found
  std::vector<HeaderField> fields;
  std::vector<Finding> findings;
  std::optional<KernelConfig> config;  // carried inside
  std::string config_damage;           // what is wrong with it where it cannot be read
  bool searched = false;               // whether the kernel proper could be read
  std::vector<std::string> marks;      // of all drivers' marks, those found

  // For a Linux kernel of `arch`: by its configuration or, without, by the marks in it.
  std::vector<DriverState> drivers(Arch arch) const;
  bool is_linux() const { return !linux_version.empty(); }
};

// Errors: an I/O error; a compressed stream or header too broken to say more than that.
Result<Inspection> inspect(const ImageFile& file);

// How a file would fare on a machine.
struct Verdict {
  std::optional<Error> refusal;  // why it would not be started; what follows is then empty
  KernelImage image;
  Layout layout;
  std::vector<Finding> findings;
};
// `request` is what else has to be in RAM. Errors: as of inspect().
Verdict judge(const ImageFile& file, const Inspection& inspection, const Target& target,
              const PlaceRequest& request);

// How the first instruction is entered, for people: one "x0 = ..." in each string.
std::vector<std::string> contract_of(const KernelImage& image, const Layout& layout);
// "the arm64 Linux boot protocol".
const char* protocol_name(EntryProtocol protocol);

// "35.4 MiB", "512 bytes": rounded.
std::string rounded_size(u64 bytes);

}  // namespace pv::boot
