#!/usr/bin/python3
"""Runs the test suites of the table below: run.py [--all] [--list] [SUITE…]. Called by ./test.

Without names: the short ones, in this order, so that what is cheap and most telling fails first. A suite that fails never
stops the others. What a suite writes goes to out/test/SUITE.log; the terminal gets one line for each, then what failed and
what was skipped and why, and at the end one line of counts. All results are in out/test/junit.xml, too. Exit 0: nothing failed; 1: something did; 2: wrong use.
Each suite has a time bound, made for two cores of today; CAMWEAVE_SLOW=4 makes all four times as long."""

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable

sys.dont_write_bytecode = True

from runner import suites  # noqa: E402
from runner.commands import OUT, ROOT, Failed, Log  # noqa: E402
from runner.results import Case, to_junit  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    short: bool  # part of ./test without --all
    bound_s: int  # all of it, its builds too
    run: Callable[[Log], list[Case]]
    needs: str  # a file without which there is nothing to run
    about: str


SUITES = [
    #     name          short  bound  what             needs                              about
    Suite("layers",      True,   120, suites.layers,      "scripts/check_layers",       "no include breaks the layer rule"),
    Suite("docs",        True,   120, suites.docs,        "scripts/check_docs",         "no page has a dead link or is reachable from nowhere"),
    Suite("unit",        True,  1200, suites.unit,        "src/CMakeLists.txt",         "C++ unit tests, release build"),
    Suite("web",         True,   600, suites.web,         "web/package.json",           "the page's types and unit tests"),
    Suite("integration", True,  1500, suites.integration, "tests/integration",          "the server from outside, by real clients"),
    Suite("browser",     True,   900, suites.browser,     "tests/browser/package.json", "the page in Chromium and Firefox"),
    Suite("vm",          True,   900, suites.vm,          "tests/vm/run",               "kernel cameras in a virtual machine, the short ones"),
    Suite("clients",    False,   600, suites.clients,     "tests/integration/get_vlc",  "RTSP by a VLC that has an RTSP client, fetched once"),
    Suite("asan",       False,  1200, suites.asan,        "CMakePresets.json",          "unit tests and one integration pass, address + undefined"),
    Suite("tsan",       False,  1200, suites.tsan,        "CMakePresets.json",          "unit tests under the thread sanitizer"),
    Suite("fuzz",       False,  1800, suites.fuzz,        "fuzz/CMakeLists.txt",        "every fuzzer for 20 s"),
    Suite("clang",      False,  1200, suites.clang,       "CMakePresets.json",          "the build by clang, locks checked, no warning"),
    Suite("tidy",       False,  1800, suites.tidy,        ".clang-tidy",                "clang-tidy for eight minutes, the newest files first"),
    Suite("vm-long",    False,  1800, suites.vm_long,     "tests/vm/run",               "the rest of the virtual machine's tests"),
    Suite("bench",      False,  1800, suites.bench,       "bench/run",                  "every benchmark for 2 s, to see that it works"),
    Suite("debian13",   False,  2400, suites.debian13,    "tests/distro/try",           "a fresh clone in a clean Debian 13"),
]

SLOW = max(1.0, float(os.environ.get("CAMWEAVE_SLOW", 1)))


def run_suite(suite):
    """The suite's cases and how long it took. Never raises for what the suite does."""
    start = time.monotonic()
    log = Log(suite.name, suite.bound_s * SLOW)
    if not (ROOT / suite.needs).exists():
        return [Case(suite.name, "skipped", f"{suite.needs} is not here")], 0.0
    try:
        cases = suite.run(log)
    except Failed as failed:
        cases = [Case(suite.name, "failed", str(failed))]
    return cases, time.monotonic() - start


def count(cases, outcome):
    return sum(case.outcome == outcome for case in cases)


def summary(cases):
    return f"{count(cases, 'passed')} passed, {count(cases, 'failed')} failed, {count(cases, 'skipped')} skipped"


def show(title, suites_cases, outcome):
    lines = [(suite, case) for suite, cases in suites_cases for case in cases if case.outcome == outcome]
    if lines:
        print(f"\n{title}:")
    for suite, case in lines:
        print(f"  {suite.name}: {case.name}" + (f": {case.why}" if case.why else ""))


def main(arguments):
    names = [a for a in arguments if not a.startswith("-")]
    unknown = sorted({a for a in arguments if a.startswith("-")} - {"--all", "--list"}) + [
        name for name in names if name not in {suite.name for suite in SUITES}]
    if unknown:
        print(f"test: unknown {', '.join(unknown)}. Suites: {', '.join(suite.name for suite in SUITES)}", file=sys.stderr)
        return 2
    if "--list" in arguments:
        for suite in SUITES:
            print(f"{suite.name:12} {'' if suite.short else '--all':6} {suite.about}")
        return 0
    chosen = [s for s in SUITES if (s.name in names if names else s.short or "--all" in arguments)]
    done = []
    for suite in chosen:
        cases, seconds = run_suite(suite)
        done.append((suite, cases))
        log = f"  {(OUT / suite.name).relative_to(ROOT)}.log" if count(cases, "failed") else ""
        print(f"{suite.name:12} {summary(cases)}, {seconds:.0f} s{log}", flush=True)
    to_junit(OUT / "junit.xml", [(suite.name, cases) for suite, cases in done])
    show("Failed", done, "failed")
    show("Skipped", done, "skipped")
    total = [case for _, cases in done for case in cases]
    print(f"\n{summary(total)}")
    return 1 if count(total, "failed") or not total else 0


if __name__ == "__main__":
    # Ended from outside: as by Ctrl+C, what a suite started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
