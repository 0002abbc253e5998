"""What bench/boot, bench/hello and bench/size share. Python standard library and lab/polylab only."""

import pathlib
import sys

BENCH = pathlib.Path(__file__).resolve().parent.parent
PROJECT = BENCH.parent
sys.path.insert(0, str(PROJECT / "lab"))
