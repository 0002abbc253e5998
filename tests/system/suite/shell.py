"""Small shell functions for the tests' scripts, for busybox and for other shells; every host carries them."""

import shlex

# Every wait is bounded: 60 s, which on a loaded machine is an emulated host's 10.
LIBRARY = rb"""# Functions for scripts: . ./in/library
wait_for() {  # TEXT FILE: until the file says so
  for turn in $(seq 600); do grep -q "$1" "$2" 2>/dev/null && return 0; sleep 0.1; done
  echo "TIMEOUT: $2 never said $1:"; cat "$2"; return 1
}
start() {  # NAME [OPTIONS]: an idle VM in the background; its process id is in $pid
  name=$1; shift
  polyvisor run guest/idle --name $name "$@" >tmp/$name.out 2>&1 & pid=$!
  wait_for 'idle: asleep' tmp/$name.out
}
finished() {  # PID NAME: wait for it, print its status
  gone_soon=$1; ( sleep 60; kill -9 $gone_soon ) >/dev/null 2>&1 & guard=$!
  wait $1; echo "$2 ended with status $?"; kill $guard 2>/dev/null
}
sockets() { ls $runtime/polyvisor 2>/dev/null; }
runtime=${XDG_RUNTIME_DIR:-/run}
"""

# refuse CMD...: runs it and complains of what it leaves behind. The exit status is the command's.
REFUSE = b"""#!/bin/sh
folder=${XDG_RUNTIME_DIR:-/run}/polyvisor
rm -f $folder/*
"$@"
status=$?
for socket in $folder/*; do
  [ -e "$socket" ] && echo "LEFT BEHIND: socket $socket"
done
exit $status
"""

# alone CMD...: every test runs so. Complains of monitors of the test's session that live on, after
# the time that one which was told to end may need; whoever runs the tests then kills them.
ALONE = b"""#!/bin/sh
"$@"
status=$?
session_of() { read -r _ _ state _ _ session _ 2>/dev/null <"/proc/$1/stat" && [ "$state" != Z ]; }
session_of $$ && mine=$session
for turn in $(seq 100); do
  left=
  for process in $(pidof polyvisor lkvm crosvm); do
    session_of "$process" && [ "$session" = "$mine" ] && left="$left $process"
  done
  [ -z "$left" ] && exit $status
  sleep 0.1
done
for process in $left; do
  echo "LEFT BEHIND: process $process: $(tr '\\0' ' ' <"/proc/$process/cmdline")" >&2
done
exit $status
"""
LEFT_BEHIND = "LEFT BEHIND: "


FILES = {"in/library": LIBRARY, "in/refuse": REFUSE, "in/alone": ALONE}


def files_of(cases):
    """{name inside: content} of everything that these tests and their scripts need."""
    files = dict(FILES)
    for case in cases:
        for name, content in case.files.items():
            assert files.get(name, content) == content, f"two files are called {name}"
            files[name] = content
    return files


def alone(words):
    """The words that run a command so that what it leaves behind is noticed."""
    return ["/bin/sh", "in/alone", *words]


def script(text):
    """A script that may use the functions above."""
    return ". ./in/library\n" + text


def quoted(words):
    """The words as the shell wants to read them, quoted only where it is needed."""
    return " ".join(map(shlex.quote, words))
