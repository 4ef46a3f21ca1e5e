"""``python -m benchmarks``, from the repository root, in an environment with recurra[bench]."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks import encoder_decoder, estimate, graphs, online, products, stages, streaming, training, trees
from benchmarks.native import SOURCE, Native
from benchmarks.tables import machine

TABLES = {
    "streaming": streaming.run,
    "training": training.run,
    "products": products.run,
    "stages": stages.run,
    "encoder_decoder": encoder_decoder.run,
    "online": online.run,
    "trees": trees.run,
    "graphs": graphs.run,
    "estimate": estimate.run,
}
WITHOUT_NATIVE = ("stages", "encoder_decoder", "online", "trees", "graphs", "estimate")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Recurra beside its peers, on this machine."
    )
    parser.add_argument(
        "--only", choices=TABLES, help="one table (default: the first two); products needs Eigen 3"
    )
    parser.add_argument("--quick", action="store_true", help="fewer sizes and repetitions")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every row, one JSON object per line"
    )
    parser.add_argument(
        "--build",
        type=Path,
        default=SOURCE / "build" / "benchmarks",
        metavar="DIR",
        help="for the C++ programs",
    )
    arguments = parser.parse_args()

    facts = machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    if arguments.only in WITHOUT_NATIVE:  # times nothing in C++
        native = Native(arguments.build)
    else:
        native = Native.build(arguments.build, eigen=arguments.only == "products")
    lines = [json.dumps({"table": "machine", **facts})]
    for table in [arguments.only] if arguments.only else ["streaming", "training"]:
        lines += [json.dumps(row) for row in TABLES[table](native, arguments.quick)]
    if arguments.json:
        arguments.json.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
