"""Writes /lab/plan, what the agent of a host is to do; the format stands in lab/agent/plan.h."""


def _strings(*values):
    return b"".join((value if isinstance(value, bytes) else str(value).encode()) + b"\0"
                    for value in values)


def request(argv, mode="m", timeout=0.0, stdin="", folder="/", size=(0, 0)):
    """The strings of one command, without the key."""
    for word in argv:
        if "\0" in word:
            raise ValueError("a command line cannot hold a NUL")
    return _strings(mode, int(timeout * 1000), stdin, folder, size[0], size[1], len(argv), *argv)


def plan(console, token, requests=(), modules=(), environment=(), hostname="lab", printk="1",
         clock=0, serve=False):
    """The whole file."""
    data = _strings("console", console, "token", token, "hostname", hostname, "printk", printk,
                    "clock", clock)
    for name in modules:
        data += _strings("module", name)
    for name, value in dict(environment).items():
        data += _strings("env", f"{name}={value}")
    for one in requests:
        data += _strings("command") + one
    if serve:
        data += _strings("serve")
    return data
