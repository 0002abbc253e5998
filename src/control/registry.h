// The registry of running VMs: a directory that only its owner can enter, with one listening socket
// NAME.sock for each. An entry is alive while something listens behind it; one that refuses
// connections is stale (its VM was killed) and is removed by whoever notices.
//
// The directory is $XDG_RUNTIME_DIR/polyvisor; for root without that, /run/polyvisor; for others
// /run/user/UID/polyvisor. Whoever adds or clears entries holds a lock on the directory (flock), so
// that two that start at the same time cannot remove each other's.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace pv::control {

class Directory {
 public:
  // Opens the directory for this user's VMs and makes it if need be. Errors (host): there is none
  // that could serve; a VM can run without.
  static Result<Directory> open();
  // Every directory that exists and may hold VMs of this user; empty when none does.
  static std::vector<Directory> existing();
  // A given directory, which must belong to this user and be closed to others.
  static Result<Directory> open_at(const std::string& path, bool make);

  // The names of the entries, sorted, alive or not. Files that are no entries are left out.
  std::vector<std::string> names() const;

  enum class State : u8 { none, alive, stale };
  State state(const std::string& name) const;
  // Removes the entry if it is (still) stale.
  void clear_stale(const std::string& name) const;

  // A connected socket; sending, receiving and connecting give up after `timeout_ms`. Errors
  // (host).
  Result<Fd> connect(const std::string& name, int timeout_ms) const;

  const std::string& path() const { return path_; }

 private:
  friend class Registration;
  class Lock;
  Directory(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<int> try_connect(const std::string& name, int socket_flags, int timeout_ms) const;

  std::string path_;
  Fd fd_;
};

// This VM's entry; the destructor removes it, but only in the process that made it: with --reboot
// that one keeps the name while its children, one after the other, serve behind it. Needs no path:
// removing uses the directory's descriptor, so that it works in a sealed process.
class Registration {
 public:
  // Errors: usage when a living VM has the name; host when the socket cannot be made.
  static Result<Registration> create(Directory directory, const std::string& name);
  // No entry at all, but a listening Unix socket (stream or seqpacket) that was handed over: made
  // non-blocking, which whoever shares it sees. Errors (usage): it is none.
  static Result<Registration> handed_over(Fd listener, const std::string& name);
  Registration(Registration&&) noexcept = default;
  Registration& operator=(Registration&&) = delete;
  ~Registration();

  int listener() const { return listener_.get(); }  // non-blocking
  const std::string& name() const { return name_; }
  // The process that made it.
  pid_t owner() const { return owner_; }
  // The directory's descriptor: where the destructor removes the name. -1 in another process than
  // the owner.
  int folder() const;

 private:
  Registration(Directory directory, std::string name, Fd listener);

  Directory directory_;
  std::string name_;
  Fd listener_;
  pid_t owner_;
};

}  // namespace pv::control
