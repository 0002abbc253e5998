// Runs a fuzz target without libFuzzer, so that every build on every compiler exercises it:
// first each seed of the corpus folders named on the command line, then a fixed sequence of
// pseudo-random inputs, half of them mutations of the seeds. The same binary and seeds give the
// same inputs in every run; only their number is bounded by time.
//
//   x_fuzz [FOLDER|FILE]...     PV_FUZZ_RUNS (20000) and PV_FUZZ_SECONDS (2) bound the second part
//
// An input that kills the process is written to ./crash-<program> and can be given back as FILE.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" __attribute__((weak)) int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<uint8_t>;

// Read by the crash handler, which has no other way to learn the input.
const Bytes* current = nullptr;
char crash_path[256];

void save_current() {
  if (!current) return;
  const int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const ssize_t written = write(fd, current->data(), current->size());
  close(fd);
  dprintf(2, "fuzz: %zd bytes of input saved in %s\n", written, crash_path);
  current = nullptr;
}

void on_crash(int number) {
  save_current();
  signal(number, SIG_DFL);
  raise(number);
}

void run_one(const Bytes& input) {
  current = &input;
  // An exact copy on the heap lets AddressSanitizer see a read of one byte too many.
  const Bytes exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  current = nullptr;
}

// xorshift64*: small, fixed, and independent of the C++ library's version.
class Random {
 public:
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545'F491'4F6C'DD1Dull;
  }
  size_t below(size_t bound) { return static_cast<size_t>((next() >> 11) % bound); }

 private:
  uint64_t state_ = 0x9E37'79B9'7F4A'7C15ull;
};

bool read_file(const std::string& path, Bytes& out) {
  FILE* file = fopen(path.c_str(), "rbe");
  if (!file) return false;
  uint8_t block[4096];
  size_t got = 0;
  while ((got = fread(block, 1, sizeof block, file)) > 0) out.insert(out.end(), block, block + got);
  fclose(file);
  return true;
}

void add_seeds(const std::string& path, std::vector<Bytes>& seeds) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return;  // a fuzzer without seeds has no folder
  if (!S_ISDIR(info.st_mode)) {
    Bytes bytes;
    if (read_file(path, bytes)) seeds.push_back(bytes);
    return;
  }
  std::vector<std::string> names;
  if (DIR* folder = opendir(path.c_str())) {
    while (const dirent* entry = readdir(folder))
      if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    closedir(folder);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) add_seeds(path + "/" + name, seeds);
}

// Values at which bounds checks go wrong.
constexpr uint8_t interesting[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x10, 0x40};

Bytes random_input(Random& random) {
  const size_t limit = size_t{1} << (random.below(13));
  Bytes bytes(random.below(limit + 1));
  const bool sparse = random.below(2) == 0;
  for (uint8_t& byte : bytes)
    byte = sparse && random.below(3) ? interesting[random.below(std::size(interesting))]
                                     : static_cast<uint8_t>(random.next() >> 56);
  return bytes;
}

Bytes mutated(const Bytes& seed, Random& random) {
  Bytes bytes = seed;
  for (size_t edits = 1 + random.below(8); edits > 0; --edits) {
    const size_t at = bytes.empty() ? 0 : random.below(bytes.size());
    const auto offset = static_cast<std::ptrdiff_t>(at);
    switch (bytes.empty() ? 2 : random.below(5)) {
      case 0: bytes[at] = static_cast<uint8_t>(bytes[at] ^ (1u << random.below(8))); break;
      case 1: bytes[at] = interesting[random.below(std::size(interesting))]; break;
      case 2:
        bytes.insert(bytes.begin() + offset, static_cast<uint8_t>(random.next() >> 56));
        break;
      case 3: bytes.erase(bytes.begin() + offset); break;
      case 4: bytes.resize(at); break;
    }
  }
  return bytes;
}

uint64_t now_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_nsec) / 1000000;
}

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = getenv(name);
  return text && *text ? strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const char* slash = strrchr(argv[0], '/');
  snprintf(crash_path, sizeof crash_path, "crash-%s", slash ? slash + 1 : argv[0]);
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) signal(number, on_crash);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(save_current);
  if (LLVMFuzzerInitialize) LLVMFuzzerInitialize(&argc, &argv);

  std::vector<Bytes> seeds;
  for (int i = 1; i < argc; ++i) add_seeds(argv[i], seeds);
  run_one({});
  for (const Bytes& seed : seeds) run_one(seed);

  const uint64_t runs = setting("PV_FUZZ_RUNS", 20000);
  const uint64_t deadline = now_ms() + setting("PV_FUZZ_SECONDS", 2) * 1000;
  Random random;
  uint64_t done = 0;
  for (; done < runs && now_ms() < deadline; ++done) {
    const bool from_seed = !seeds.empty() && random.below(2) == 0;
    run_one(from_seed ? mutated(seeds[random.below(seeds.size())], random) : random_input(random));
  }
  printf("fuzz: %zu seeds and %llu random inputs survived\n", seeds.size(),
         static_cast<unsigned long long>(done));
  return 0;
}
