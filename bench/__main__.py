"""Run the benchmarks, print them, and keep them in bench/results.json with the machine's name.

python -m bench [NAME ...] [--peers FOLDER]
"""

import argparse
import json
import os
import platform
from datetime import date
from importlib import import_module
from pathlib import Path

from labkit.files import write_atomic

# Modules with a `measure(peers)`. Each is imported when its turn comes, the light ones first: what else
# is in memory makes garbage collections longer, and not equally so for both sides of a ratio.
BENCHMARKS = (
    "scalar_gpt",
    "engine",
    "panel",
    "tokenizers",
    "engines",
    "sampling",
    "page",
    "routes",
    "rlhf",
    "char_gpt",
)
RESULTS = Path(__file__).parent / "results.json"


def machine() -> str:
    """Processor, cores and Python, as far as the system tells."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass  # not Linux
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--peers", type=Path, help="a folder with checkouts of peers, such as micrograd")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    if arguments.peers and not arguments.peers.is_dir():
        parser.error(f"--peers: {arguments.peers} is not a folder")
    print(machine())
    try:
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        results = {}
    for name in arguments.names or BENCHMARKS:
        figures: dict[str, float] = import_module(f".{name}", __package__).measure(arguments.peers)
        for what, value in figures.items():
            print(f"{name:10} {what:58} {value:10.4g}")
            # Each with its own date: a run without peers keeps the ratios of an earlier one.
            results.setdefault(name, {})[what] = {
                "value": value,
                "machine": machine(),
                "date": date.today().isoformat(),
            }
    write_atomic(RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
