"""The framing of the serial line."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from polylab import frames  # noqa: E402

TOKEN = "deadbeef"


def from_agent(kind, payload):
    """A frame as the agent sends it."""
    return b"\x01" + TOKEN.encode() + kind.encode() + b"%04x" % len(payload) + payload


def parse(data, size):
    """All events when the line delivers pieces of `size` bytes, neighbours of a kind joined."""
    parser, events = frames.Parser(TOKEN), []
    for start in range(0, len(data), size):
        for kind, payload in parser.feed(data[start:start + size]):
            if kind == frames.NOISE and events and events[-1][0] == frames.NOISE:
                events[-1] = (kind, events[-1][1] + payload)
            else:
                events.append((kind, payload))
    return events


class ParserTest(unittest.TestCase):
    def test_frames_between_noise_whatever_the_pieces(self):
        every_byte = bytes(range(256))
        data = (b"firmware\r\n" + from_agent("R", b"1.5") + b"\x01kernel \x01dead" +
                from_agent("O", every_byte) + from_agent("O", b"") + b"end")
        expected = [("", b"firmware\r\n"), ("R", b"1.5"), ("", b"\x01kernel \x01dead"),
                    ("O", every_byte), ("O", b""), ("", b"end")]
        for size in (1, 2, 3, 7, 64, len(data)):
            self.assertEqual(parse(data, size), expected, f"pieces of {size}")

    def test_payload_that_looks_like_a_frame_is_payload(self):
        inner = from_agent("X", b"0 exit 0")
        self.assertEqual(parse(from_agent("O", inner), 5), [("O", inner)])

    def test_frames_of_another_run_are_noise(self):
        other = from_agent("O", b"x").replace(TOKEN.encode(), b"0badcafe")
        self.assertEqual(parse(other + from_agent("P", b""), 4), [("", other), ("P", b"")])

    def test_broken_length_is_noise_and_the_next_frame_is_found(self):
        broken = b"\x01" + TOKEN.encode() + b"Ozzzz"
        self.assertEqual(parse(broken + from_agent("P", b""), 3), [("", broken), ("P", b"")])

    def test_unfinished_frame_waits(self):
        parser = frames.Parser(TOKEN)
        whole = from_agent("O", b"hello")
        self.assertEqual(list(parser.feed(whole[:-1])), [])
        self.assertEqual(list(parser.feed(whole[-1:])), [("O", b"hello")])


class EncodeTest(unittest.TestCase):
    def test_format(self):
        self.assertEqual(frames.encode("I", b"ab"), b"\x01I0002ab")

    def test_too_long(self):
        with self.assertRaises(ValueError):
            frames.encode("I", b"x" * 0x10000)


if __name__ == "__main__":
    unittest.main()
