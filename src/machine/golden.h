// Goldens: what a board describes itself with, as text in golden/ beside it. A change there is
// reviewed like code:
//
//   UPDATE_GOLDENS=1 machine_tests      writes the files anew; git diff shows what changed
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/check.h"
#include "base/fd.h"
#include "base/text.h"

namespace pv::machine {

// A folder that goes when the test ends.
class ScratchFolder {
 public:
  ScratchFolder() { CHECK(::mkdtemp(path_.data()) != nullptr); }
  ~ScratchFolder() {
    for (const std::string& name : files_) ::unlink(name.c_str());
    ::rmdir(path_.c_str());
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // The path of a file in the folder, which is removed with it.
  std::string file(std::string_view name) {
    files_.push_back(path_ + "/" + std::string(name));
    return files_.back();
  }

 private:
  std::string path_ = "/tmp/pv-machine-XXXXXX";
  std::vector<std::string> files_;
};

inline void write_file(const std::string& path, Bytes content) {
  FILE* file = ::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr) << path;
  ASSERT_EQ(::fwrite(content.data(), 1, content.size(), file), content.size());
  ASSERT_EQ(::fclose(file), 0);
}

inline std::string read_stream(FILE* file) {
  std::string text;
  char part[4096];
  for (size_t n; (n = ::fread(part, 1, sizeof part, file)) != 0;) text.append(part, n);
  return text;
}

// Empty when there is no such file.
inline std::string read_text_file(const std::string& path) {
  FILE* file = ::fopen(path.c_str(), "rb");
  if (file == nullptr) return {};
  std::string text = read_stream(file);
  ::fclose(file);
  return text;
}

struct Output {
  int status;
  std::string text;
};
inline Output run(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  CHECK(pipe != nullptr);
  std::string text = read_stream(pipe);
  int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, std::move(text)};
}

inline bool has_tool(const char* name) {
  return run(std::string("command -v ") + name + " 2>/dev/null").status == 0;
}

// The size of a file and its checksum, FNV-1a of 64 bits: one line.
inline std::string checksum(Bytes content) {
  u64 sum = 0xcbf2'9ce4'8422'2325;
  for (u8 byte : content) sum = (sum ^ byte) * 0x100'0000'01b3;
  return ::pv::text("{} bytes, {:016x}\n", content.size(), sum);
}

// `name` is a path below src/machine/.
inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(PV_SOURCE_DIR) + "/src/machine/" + name;
  if (::getenv("UPDATE_GOLDENS") != nullptr) {
    write_file(path, bytes_of(text));
    return;
  }
  EXPECT_EQ(text, read_text_file(path)) << "differs from " << name << ": see machine/golden.h";
}

}  // namespace pv::machine
