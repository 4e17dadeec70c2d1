"""The command line of bench/run."""

import argparse
import json
import os
import resource
import sys
from pathlib import Path

import figures
from harness import machine, network, page, table
from harness.context import Context, ToolsMissing
from harness.rows import Row, row_from_json


def _parse(arguments: list[str]) -> argparse.Namespace:
    names = "\n".join(f"  {figure.name:10} {figure.tells}" for figure in figures.FIGURES)
    parser = argparse.ArgumentParser(
        prog="bench/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures Camweave beside the floor and beside what people use today. It judges nothing.",
        epilog=f"figures (default: all):\n{names}\n\n  report     all figures, then docs/reference/performance.md",
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=float, default=3.0, help="measured time of one turn (3)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every sample, as JSON")
    parser.add_argument("--brief", action="store_true", help="one case of each figure: to see that it works")
    parser.add_argument("--nice", type=int, default=0, metavar="N", help="priority of both sides, as nice(1): on a busy machine")
    parser.add_argument("--case", default="", metavar="WORDS", help="only cases whose name has all these words")
    parser.add_argument("--no-peers", action="store_true", help="only ours and the floors")
    parser.add_argument("--build", type=Path, help="the build to measure (build/release)")
    parser.add_argument("--from", type=Path, dest="from_json", metavar="FILE", help="report: the rows of an earlier --json")
    options = parser.parse_args(arguments)
    known = {figure.name for figure in figures.FIGURES} | {"report"}
    for name in options.names:
        if name not in known:
            parser.error(f"no figure '{name}'; there are: {', '.join(sorted(known))}")
    if options.seconds <= 0 or options.rounds < 1:
        parser.error("--seconds and --rounds must be more than 0")
    return options


def _raise_file_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _measure(context: Context, names: list[str]) -> list[Row]:
    measured: list[Row] = []
    for figure in figures.FIGURES:
        if names and figure.name not in names:
            continue
        context.figure = figure.name
        for row in figure.measure(context):
            measured.append(row)
            context.say(table.plain([row]))
    return measured


def _as_json(facts: dict, measured: list[Row]) -> dict:
    return {"machine": facts, "rows": [row.as_json() for row in measured]}


def _run(options: argparse.Namespace) -> tuple[dict, list[Row]]:
    context = Context(seconds=options.seconds, rounds=options.rounds, brief=options.brief,
                      with_peers=not options.no_peers, case_words=tuple(options.case.split()))
    if options.build:
        context.build = options.build.resolve()
    _raise_file_limit()
    os.setpriority(os.PRIO_PROCESS, 0, options.nice)
    facts = machine.facts()
    facts["network"] = network.isolate()
    facts["turns"] = f"{options.rounds} turns of {options.seconds:g} s"
    context.say(facts["network"])
    try:
        context.build_tools()
        names = [name for name in options.names if name != "report"]
        return facts, _measure(context, names)
    finally:
        context.clean()


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    try:
        if options.from_json:
            data = json.loads(options.from_json.read_text())
            facts, measured = data["machine"], [row_from_json(row) for row in data["rows"]]
        else:
            facts, measured = _run(options)
    except ToolsMissing as missing:
        print(f"bench/run: {missing}", file=sys.stderr)
        return 1
    print(table.plain(measured))
    if options.json:
        options.json.write_text(json.dumps(_as_json(facts, measured), indent=1, ensure_ascii=False) + "\n")
    if "report" in options.names:
        print(f"written: {page.write(facts, measured)}")
    return 0 if measured else 1
