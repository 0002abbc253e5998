// mark N: tells the plugin elcount to print its counters with the number N (1 to 15).
#include <cstdlib>

namespace {

template <unsigned N>
void mark() {
#ifdef __aarch64__
  asm volatile(".inst 0xd280001f | (%0 << 5)" ::"i"(N) : "memory");
#elif defined(__riscv)
  asm volatile(".option push\n.option norvc\naddi x0, x0, %0\n.option pop" ::"i"(N) : "memory");
#endif
}

template <unsigned N = 15>
bool mark_number(unsigned number) {
  if (number == N) return mark<N>(), true;
  if constexpr (N > 1) return mark_number<N - 1>(number);
  return false;
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return 2;
  return mark_number(static_cast<unsigned>(std::strtoul(words[1], nullptr, 10))) ? 0 : 2;
}
