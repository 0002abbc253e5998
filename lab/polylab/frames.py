"""The lab's half of the serial line to a host's agent; the format stands in lab/agent/link.h.

What the agent says comes in frames that carry this run's token; everything else on the line
is the kernel's own console and is handed on as noise.
"""

START = b"\x01"
NOISE = ""
HEADER = 1 + 8 + 1 + 4          # SOH, token, type, length


def encode(kind, payload):
    """One frame towards the agent."""
    if len(payload) > 0xffff:
        raise ValueError("a frame holds at most 65535 bytes")
    return START + kind.encode() + b"%04x" % len(payload) + payload


class Parser:
    """Takes the line apart, in pieces of any size."""

    def __init__(self, token):
        self._lead = START + token.encode()
        if len(self._lead) != 9:
            raise ValueError("a token has eight characters")
        self._buffer = b""

    def feed(self, data):
        """Yield (kind, payload) for every frame that is complete; (NOISE, bytes) between."""
        self._buffer += data
        while self._buffer:
            start = self._buffer.find(self._lead)
            if start < 0:
                # Keep back what may be the beginning of a frame.
                keep = next((n for n in range(min(8, len(self._buffer)), 0, -1)
                             if self._lead.startswith(self._buffer[-n:])), 0)
                cut = len(self._buffer) - keep
                if cut:
                    yield NOISE, self._buffer[:cut]
                self._buffer = self._buffer[cut:]
                return
            if start > 0:
                yield NOISE, self._buffer[:start]
                self._buffer = self._buffer[start:]
            if len(self._buffer) < HEADER:
                return
            try:
                length = int(self._buffer[10:14], 16)
            except ValueError:
                yield NOISE, self._buffer[:9]
                self._buffer = self._buffer[9:]
                continue
            if len(self._buffer) < HEADER + length:
                return
            kind = chr(self._buffer[9])
            payload = self._buffer[HEADER:HEADER + length]
            self._buffer = self._buffer[HEADER + length:]
            yield kind, payload
