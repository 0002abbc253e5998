#include "config/json.h"

#include <algorithm>

#include "base/text.h"
#include "config/avf.h"
#include "config/json_reading.h"
#include "config/size.h"

namespace pv::config {

std::string_view what_is(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::object: return "an object";
    case Json::value_t::array: return "a list";
    case Json::value_t::string: return "a text";
    case Json::value_t::boolean: return "true or false";
    case Json::value_t::number_integer: return "a negative number";
    case Json::value_t::number_float:
      return "a number with a fraction, an exponent or more than 64 bits";
    default: return "a number";
  }
}

std::unexpected<Error> wrong(const std::string& field, std::string_view expected,
                             const Json& value) {
  return bad(text("{}: expected {}, found {}", field, expected, what_is(value)));
}

Result<void> read(const std::string& field, const Json& value, std::string& into) {
  if (!value.is_string()) return wrong(field, "a text", value);
  into = value.get_ref<const std::string&>();
  return {};
}

Result<void> read(const std::string& field, const Json& value, bool& into) {
  if (!value.is_boolean()) return wrong(field, "true or false", value);
  into = value.get<bool>();
  return {};
}

Result<void> read(const std::string& field, const Json& value, u32& into) {
  if (!value.is_number_unsigned()) return wrong(field, "a whole number", value);
  const u64 number = value.get<u64>();
  if (number > UINT32_MAX) return bad(text("{}: {} is too large", field, number));
  into = static_cast<u32>(number);
  return {};
}

Result<void> read(const std::string& field, const Json& value, std::vector<u32>& into) {
  if (!value.is_array()) return wrong(field, "a list of numbers", value);
  into.clear();
  for (usize i = 0; i < value.size(); ++i)
    TRY(read(text("{}[{}]", field, i), value[i], into.emplace_back()));
  return {};
}

namespace {

Result<void> read_size(const std::string& field, const Json& value, u64& into) {
  constexpr std::string_view expected = "a number of MiB, or a size such as \"512M\"";
  if (value.is_number_unsigned())
    into = TRY(parse_size(text("{}M", value.get<u64>())), field);
  else if (value.is_string())
    into = TRY(parse_size(value.get_ref<const std::string&>()), field);
  else
    return wrong(field, expected, value);
  return {};
}

template <class E, usize n>
Result<void> read_choice(const std::string& field, const Json& value, const Spelling<E> (&names)[n],
                         E& into) {
  const std::string expected = "one of " + choices(names);
  if (!value.is_string()) return wrong(field, expected, value);
  const auto& name = value.get_ref<const std::string&>();
  const auto found = parse_spelling(names, name);
  if (!found) return bad(text("{}: expected {}, found \"{}\"", field, expected, name));
  into = *found;
  return {};
}

Result<void> read_disk(const std::string& path, const Json& value, Disk& into) {
  if (!value.is_object()) return wrong(path, "an object with a path", value);
  for (const auto& [key, member] : value.items()) {
    const std::string field = text("{}.{}", path, key);
    if (key == "path")
      TRY(read(field, member, into.path));
    else if (key == "read_only")
      TRY(read(field, member, into.read_only));
    else if (key == "direct")
      TRY(read(field, member, into.direct));
    else if (key == "pci_address")
      TRY(read(field, member, into.pci_address));
    else
      return bad(text("{}: no such field", field),
                 "a disk has: path, read_only, direct, pci_address");
  }
  if (!value.contains("path")) return bad(text("{}.path: is missing", path));
  return {};
}

Result<void> read_disks(const Json& value, std::vector<Disk>& into) {
  if (!value.is_array()) return wrong("disks", "a list of objects", value);
  into.clear();
  for (usize i = 0; i < value.size(); ++i) {
    Disk disk;
    TRY(read_disk(text("disks[{}]", i), value[i], disk));
    into.push_back(std::move(disk));
  }
  return {};
}

Result<void> read_trace(const Json& value, Trace& into) {
  if (!value.is_object()) return wrong("trace", "an object with what and file", value);
  for (const auto& [key, member] : value.items()) {
    if (key == "what")
      TRY(read_choice("trace.what", member, trace_names, into.what));
    else if (key == "file")
      TRY(read("trace.file", member, into.file));
    else if (key == "limit" && member.is_number_unsigned())
      into.limit = member.get<u64>();
    else if (key == "limit")
      return wrong("trace.limit", "a whole number", member);
    else
      return bad(text("trace.{}: no such field", key), "a trace has: what, file, limit");
  }
  if (into.what == TraceKind::none) return bad("trace.what: is missing");
  if (into.file.empty()) return bad("trace.file: is missing");
  return {};
}

// The fields of a serial port, as of VmConfig below.
struct SerialField {
  std::string_view name;
  Result<void> (*read)(const std::string& field, const Json&, Serial&);
  Json (*write)(const Serial&);
};
#define PV_SERIAL(NAME, MEMBER)                                           \
  SerialField {                                                           \
    NAME,                                                                 \
        [](const std::string& field, const Json& value, Serial& serial) { \
          return pv::config::read(field, value, serial.MEMBER);           \
        },                                                                \
        [](const Serial& serial) { return Json(serial.MEMBER); }          \
  }
#define PV_SERIAL_CHOICE(NAME, MEMBER, NAMES)                                     \
  SerialField {                                                                   \
    NAME,                                                                         \
        [](const std::string& field, const Json& value, Serial& serial) {         \
          return read_choice(field, value, NAMES, serial.MEMBER);                 \
        },                                                                        \
        [](const Serial& serial) { return Json(spelling(NAMES, serial.MEMBER)); } \
  }
constexpr SerialField serial_fields[] = {
    PV_SERIAL_CHOICE("type", type, serial_type_names),
    PV_SERIAL_CHOICE("hardware", hardware, serial_hardware_names),
    PV_SERIAL("num", num),
    PV_SERIAL("name", name),
    PV_SERIAL("path", path),
    PV_SERIAL("input", input),
    PV_SERIAL("input_unix_stream", input_unix_stream),
    PV_SERIAL("console", console),
    PV_SERIAL("earlycon", earlycon),
    PV_SERIAL("stdin", standard_input),
    PV_SERIAL("out_timestamp", out_timestamp),
    PV_SERIAL("debugcon_port", debugcon_port),
    PV_SERIAL("pci_address", pci_address),
    PV_SERIAL("max_queue_sizes", max_queue_sizes),
};

Result<void> read_serial(const std::string& path, const Json& value, Serial& into) {
  if (!value.is_object()) return wrong(path, "an object", value);
  for (const auto& [key, member] : value.items()) {
    const std::string field = text("{}.{}", path, key);
    const auto* found = std::find_if(std::begin(serial_fields), std::end(serial_fields),
                                     [&](const SerialField& f) { return f.name == key; });
    if (found == std::end(serial_fields)) {
      std::string all;
      for (const SerialField& one : serial_fields)
        all += text("{}{}", all.empty() ? "" : ", ", one.name);
      return bad(text("{}: no such field", field), "a serial port has: " + all);
    }
    TRY(found->read(field, member, into));
  }
  return {};
}

Result<void> read_serials(const Json& value, std::vector<Serial>& into) {
  if (!value.is_array()) return wrong("serials", "a list of objects", value);
  into.clear();
  for (usize i = 0; i < value.size(); ++i) {
    Serial serial;
    TRY(read_serial(text("serials[{}]", i), value[i], serial));
    into.push_back(std::move(serial));
  }
  return {};
}

Json write_serials(const VmConfig& config) {
  const Serial plain;
  Json list = Json::array();
  for (const Serial& serial : config.serials) {
    Json entry = Json::object();
    for (const SerialField& field : serial_fields) {
      Json member = field.write(serial);
      const bool always = field.name == "type" || field.name == "hardware" || field.name == "num";
      if (always || member != field.write(plain))
        entry[std::string(field.name)] = std::move(member);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Result<void> read_schema_name(const Json& value) {
  std::string ignored;  // for editors only
  return read("$schema", value, ignored);
}

// Every field of VmConfig once: its name and how it is read and written.
struct Field {
  std::string_view name;
  Result<void> (*read)(const std::string& field, const Json&, VmConfig&);
  Json (*write)(const VmConfig&);
};

#define PV_PLAIN(NAME)                                                      \
  Field {                                                                   \
    #NAME,                                                                  \
        [](const std::string& field, const Json& value, VmConfig& config) { \
          return pv::config::read(field, value, config.NAME);               \
        },                                                                  \
        [](const VmConfig& config) { return Json(config.NAME); }            \
  }
#define PV_CHOICE(NAME, NAMES)                                                    \
  Field {                                                                         \
    #NAME,                                                                        \
        [](const std::string& field, const Json& value, VmConfig& config) {       \
          return read_choice(field, value, NAMES, config.NAME);                   \
        },                                                                        \
        [](const VmConfig& config) { return Json(spelling(NAMES, config.NAME)); } \
  }

Json write_disks(const VmConfig& config) {
  Json list = Json::array();
  for (const Disk& disk : config.disks) {
    Json entry = Json::object();
    entry["path"] = disk.path;
    entry["read_only"] = disk.read_only;
    entry["direct"] = disk.direct;
    if (!disk.pci_address.empty()) entry["pci_address"] = disk.pci_address;
    list.push_back(std::move(entry));
  }
  return list;
}

Json write_trace(const VmConfig& config) {
  if (config.trace.what == TraceKind::none) return Json("");
  Json trace = Json::object();
  trace["what"] = spelling(trace_names, config.trace.what);
  trace["file"] = config.trace.file;
  if (config.trace.limit != 0) trace["limit"] = config.trace.limit;
  return trace;
}

constexpr Field fields[] = {
    PV_PLAIN(name),
    PV_PLAIN(kernel),
    PV_PLAIN(initrd),
    PV_PLAIN(params),
    PV_PLAIN(cpus),
    {"memory",
     [](const std::string& field, const Json& value, VmConfig& config) {
       return read_size(field, value, config.memory);
     },
     [](const VmConfig& config) { return Json(size_argument(config.memory)); }},
    {"disks",
     [](const std::string&, const Json& value, VmConfig& config) {
       return read_disks(value, config.disks);
     },
     write_disks},
    PV_PLAIN(rng),
    PV_PLAIN(dtb),
    PV_PLAIN(dump_dtb),
    PV_CHOICE(console, console_names),
    {"serials",
     [](const std::string&, const Json& value, VmConfig& config) {
       return read_serials(value, config.serials);
     },
     write_serials},
    PV_PLAIN(board),
    PV_CHOICE(irqchip, irqchip_names),
    PV_CHOICE(transport, transport_names),
    PV_CHOICE(nisv, nisv_names),
    PV_CHOICE(reset_policy, reset_policy_names),
    PV_PLAIN(watchdog),
    PV_CHOICE(watchdog_action, watchdog_action_names),
    PV_CHOICE(log_level, log_level_names),
    PV_PLAIN(sandbox),
    PV_PLAIN(exit_stats),
    PV_PLAIN(reboot),
    {"trace",
     [](const std::string&, const Json& value, VmConfig& config) {
       return read_trace(value, config.trace);
     },
     write_trace},
    PV_PLAIN(timeline),
    PV_PLAIN(gdb),
    PV_PLAIN(gdb_wait),
    PV_PLAIN(socket),
};

std::string field_names() {
  std::string all;
  for (const Field& field : fields) {
    if (!all.empty()) all += ", ";
    all += field.name;
  }
  return all;
}

// Learns where and why a text is no JSON: the document parser reports only that it is not.
struct ErrorFinder final : nlohmann::json_sax<Json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    message = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    if (const usize bracket = message.find("] "); bracket != std::string::npos)
      message.erase(0, bracket + 2);
    return false;
  }
  std::string message = "not understood";
};

Result<Json> parse(std::string_view text) {
  if (text.size() > max_json)
    return bad(pv::text("the configuration is longer than {}", size_text(max_json)));
  // A key that stands twice in one object is a mistake that the parser would hide.
  std::vector<std::vector<std::string>> open_objects;
  std::string duplicate;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key) {
      auto& keys = open_objects.back();
      const auto& key = parsed.get_ref<const std::string&>();
      if (std::find(keys.begin(), keys.end(), key) != keys.end() && duplicate.empty())
        duplicate = key;
      else if (keys.size() < 64)  // no object of ours has so many: bounds the search
        keys.push_back(key);
    }
    return true;
  };
  Json document = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    ErrorFinder finder;
    Json::sax_parse(text, &finder);
    return bad(finder.message, "the configuration must be a JSON object (RFC 8259)");
  }
  if (!duplicate.empty()) return bad(pv::text("{}: stands twice in the same object", duplicate));
  return document;
}

}  // namespace

Result<VmConfig> from_json(std::string_view text) {
  const Json document = TRY(parse(text));
  if (!document.is_object())
    return bad(pv::text("expected an object, found {}", what_is(document)),
               "the smallest configuration is {\"kernel\": \"Image\"}");
  if (looks_like_avf(document)) return from_avf(document);
  VmConfig config;
  for (const auto& [key, value] : document.items()) {
    if (key == "$schema") {
      TRY(read_schema_name(value));
      continue;
    }
    const auto* field = std::find_if(std::begin(fields), std::end(fields),
                                     [&](const Field& f) { return f.name == key; });
    if (field == std::end(fields))
      return bad(pv::text("{}: no such field", key.empty() ? "\"\"" : key),
                 "the fields are: " + field_names());
    TRY(field->read(key, value, config));
  }
  return config;
}

std::string to_json(const VmConfig& config) {
  Json document = Json::object();
  for (const Field& field : fields) {
    Json value = field.write(config);
    // An empty text means "none" or "the default" everywhere.
    const bool unset = value.is_string() && value.get_ref<const std::string&>().empty();
    if (!unset) document[std::string(field.name)] = std::move(value);
  }
  // Bytes that are not UTF-8 (a file's name may have them) cannot stand in JSON.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pv::config
