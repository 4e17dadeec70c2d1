"""What each suite of tests/run.py does. A suite takes its Log and returns its cases; commands.Failed ends it as one failure."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from . import results
from .commands import OUT, ROOT, Failed
from .results import Case

PYTHON = "/usr/bin/python3"


def newest_clang(tool):
    """clang++-19 before clang++-16; None without any."""
    return next((path for n in range(25, 15, -1) if (path := shutil.which(f"{tool}-{n}"))), None)


def install(log, why, *lists):
    existing = [path for path in (ROOT / name for name in lists) if path.exists()]
    if existing:
        log.need(ROOT / "scripts/install_packages", why, *existing)


def build(log, preset, *targets, options=(), env=None):
    """Configures (when there are options, always) and builds; the server's build makes the page, too, by npm."""
    install(log, "to build Camweave", "scripts/packages/build.txt", "scripts/packages/web.txt")
    log.need(ROOT / "scripts/build", preset, *options, *(["--"] if options else []), *targets, env=env)


def build_release(log):
    build(log, "release", "all", options=["-DCAMWEAVE_TESTS=ON", "-DCAMWEAVE_BENCH=ON"])


def reported(log, *command, env=None, cwd=ROOT):
    """Runs a test program and reads its cases from the JUnit file it was asked for, or from its output."""
    log.folder.mkdir(parents=True, exist_ok=True)
    junit = log.folder / "junit.xml"
    junit.unlink(missing_ok=True)
    start = log.path.stat().st_size
    problem = ""
    try:
        code = log.run(*command, env={"CAMWEAVE_JUNIT": str(junit), **(env or {})}, cwd=cwd)
        problem = f"exit {code}" if code else ""
    except Failed as failed:
        problem = str(failed)
    cases = []
    if junit.exists():
        try:
            cases = results.from_junit(junit)
        except ElementTree.ParseError:
            problem = problem or "its report is not whole"
    else:
        with open(log.path, "rb") as text:
            text.seek(start)
            cases = results.from_text(text.read().decode(errors="replace"))
    if not cases and not problem:
        return [Case(log.name, "passed")]
    if problem and not any(case.outcome == "failed" for case in cases):
        cases.append(Case(log.name, "failed", problem))
    return cases


def side_by_side(step, items):
    """step(item) for each, as many at once as there are cores; the results in the order of the items."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(step, items))


def layers(log):
    return reported(log, PYTHON, "scripts/check_layers")


def docs(log):
    return reported(log, PYTHON, "scripts/check_docs")


def unit(log):
    build_release(log)
    return gtests(log, "release")


def gtests(log, preset, env=None, prefix=()):
    """Every test that ctest knows, counted one by one where the program is GoogleTest's."""
    folder = ROOT / "build" / preset
    shutil.rmtree(log.folder, ignore_errors=True)
    log.folder.mkdir(parents=True)
    report = log.folder / "ctest.report"
    log.run(*prefix, "ctest", "--test-dir", folder, "-j", os.cpu_count() or 1, "--timeout", "240", "--output-on-failure",
            "--no-tests=error", "--output-junit", report, env={"GTEST_OUTPUT": f"xml:{log.folder}/", **(env or {})})
    if not report.exists():
        raise Failed("ctest wrote no report")
    listing = subprocess.run(["ctest", "--test-dir", str(folder), "--show-only=json-v1"], capture_output=True, check=True)
    binaries = {test["name"]: pathlib.Path(test["command"][0]).name for test in json.loads(listing.stdout)["tests"] if "command" in test}
    cases = []
    for program in results.from_junit(report):
        detail = log.folder / f"{binaries.get(program.name, program.name)}.xml"
        found = results.from_junit(detail) if detail.exists() else []
        cases += found
        # A program that ended badly counts once more, unless one of its tests says why.
        if not found or (program.outcome == "failed" and not any(case.outcome == "failed" for case in found)):
            cases.append(program)
    return cases


def web(log):
    install(log, "to build the web page", "scripts/packages/web.txt")
    log.need(ROOT / "scripts/npm_ci", ROOT / "web")
    cases = reported(log, "npm", "run", "--silent", "check", cwd=ROOT / "web")
    cases = [Case("types", "failed" if any(c.outcome == "failed" for c in cases) else "passed", "npm run check")]
    return cases + reported(log, "npm", "test", "--silent", cwd=ROOT / "web")


def integration(log, preset="release", *extra, env=None):
    install(log, "for the integration tests", "tests/integration/packages.txt")
    if preset == "release":
        build_release(log)
    return reported(log, PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml", log.folder / "junit.xml", *extra,
                    "tests/integration", env={"CAMWEAVE_BIN": str(ROOT / "build" / preset / "bin"), **(env or {})})


def clients(log):
    """The readers that ./test integration skips until they have been fetched."""
    if log.run(ROOT / "tests/integration/get_vlc") != 0:
        lines = [line for line in log.path.read_text(errors="replace").splitlines() if line.startswith("get_vlc: ")]
        return [Case("vlc", "skipped", lines[-1] if lines else "get_vlc could not fetch it")]
    return integration(log, "release", "-k", "vlc")


def browser(log):
    install(log, "for the browser tests", "scripts/packages/web.txt", "tests/browser/packages.txt")
    build_release(log)
    folder = ROOT / "tests/browser"
    log.need(ROOT / "scripts/npm_ci", folder)
    return reported(log, "npm", "test", "--silent", cwd=folder, env={"CAMWEAVE_BIN": str(ROOT / "build/release/bin")})


def vm(log, which="short", env=None):
    install(log, "for the tests on a kernel of their own", "tests/vm/packages.txt")
    build_release(log)
    return reported(log, ROOT / "tests/vm/run", which, "--junitxml", log.folder / "junit.xml",
                    env={"CAMWEAVE_BIN": str(ROOT / "build/release/bin"), **(env or {})})


def vm_long(log):
    env = {}
    if os.getuid() == 0 and "CAMWEAVE_BIN_TRIXIE" not in os.environ:
        # The guest with libcamera is a Debian 13; without its programs those tests are skipped and say why.
        install(log, "for the clean base", "scripts/packages/all.txt")
        log.need(ROOT / "tests/distro/programs", "trixie", "camweave-capture-v4l2", "camweave-capture-libcamera")
        env["CAMWEAVE_BIN_TRIXIE"] = str(ROOT / "build/trixie/bin")
    return vm(log, "long", env)


def asan(log):
    build(log, "asan", "all", options=["-DCAMWEAVE_BENCH=OFF"])
    # Shared memory of a worker that was killed, and the like, are the tests' doing: leaks count where a program ends by itself.
    env = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1", "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    cases = gtests(log, "asan", env)
    return cases + integration(log, "asan", "-m", "sanitized", env=env)


def tsan(log):
    build(log, "tsan", "all", options=["-DCAMWEAVE_BENCH=OFF"])
    # The thread sanitizer of older compilers refuses the memory layouts that newer kernels choose at random.
    fixed_layout = ["setarch", "-R"]
    if subprocess.run([*fixed_layout, "true"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        fixed_layout = []
    options = f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/tsan_suppressions.txt"
    return gtests(log, "tsan", {"TSAN_OPTIONS": options}, fixed_layout)


def fuzz(log):
    """Each fuzzer for 20 s."""
    install(log, "for the fuzzers", "scripts/packages/all.txt")
    compiler = newest_clang("clang++")
    if not compiler:
        return [Case("fuzz", "skipped", "no clang 16 or later here")]
    build(log, "fuzz", "fuzzers", env={"CXX": compiler, "CC": newest_clang("clang") or "clang"})
    programs = sorted((ROOT / "build/fuzz/fuzz").glob("*_fuzz"))
    if not programs:
        raise Failed("the fuzz preset built no fuzzer")

    def fuzz_one(program):
        work = log.folder / program.name
        work.mkdir(parents=True, exist_ok=True)
        corpus = ROOT / "fuzz/corpus" / program.name.removesuffix("_fuzz")
        code = log.run(program, "-max_total_time=20", "-timeout=5", "-rss_limit_mb=2048", f"-artifact_prefix={work}/", work,
                       *([corpus] if corpus.is_dir() else []))
        return Case(program.name, "failed" if code else "passed", f"exit {code}; the input is in {work}" if code else "")

    return side_by_side(fuzz_one, programs)


def clang(log):
    """The whole build by clang, with the lock annotations checked, without a warning."""
    install(log, "for the build with clang", "scripts/packages/all.txt")
    compiler = newest_clang("clang++")
    if not compiler:
        return [Case("clang", "skipped", "no clang 16 or later here")]
    build(log, "clang", "all", env={"CXX": compiler, "CC": newest_clang("clang") or "clang"})
    return [Case("clang", "passed")]


def sources_newest_first():
    """The sources of src/ that git knows, those first that (or whose headers) were changed last."""
    listing = subprocess.run(["git", "log", "--format=", "--name-only", "HEAD", "--", "src"], cwd=ROOT, capture_output=True, text=True,
                             check=False).stdout
    changed = subprocess.run(["git", "status", "--porcelain", "--", "src"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    names = [line[3:] for line in changed.splitlines()] + listing.splitlines()
    sources = dict.fromkeys((ROOT / name).with_suffix(".cpp") for name in names if name.endswith((".cpp", ".h")))
    return [path for path in sources if path.exists()] or sorted((ROOT / "src").rglob("*.cpp"))


def tidy(log, budget_s=480):
    """clang-tidy with the repository's .clang-tidy: what was changed last first, as many files as the budget allows."""
    install(log, "for clang-tidy", "scripts/packages/all.txt")
    tool = newest_clang("clang-tidy")
    if not tool:
        return [Case("tidy", "skipped", "no clang-tidy 16 or later here")]
    # Its compile commands, and the precompiled headers that they name.
    build(log, "clang", "all", env={"CXX": newest_clang("clang++") or "clang++", "CC": newest_clang("clang") or "clang"})
    sources = sources_newest_first()
    end = time.monotonic() + budget_s

    def check(path):
        if time.monotonic() > end:
            return None
        code = log.run(tool, "--quiet", "-p", ROOT / "build/clang", path)
        return Case(str(path.relative_to(ROOT)), "failed" if code else "passed", "see the log" if code else "")

    cases = [case for case in side_by_side(check, sources) if case]
    if len(cases) < len(sources):
        cases.append(Case(f"{len(sources) - len(cases)} older files", "skipped", f"{budget_s // 60} minutes were over"))
    return cases


def bench(log):
    """The benchmark programs' own tests, and one case of each benchmark for two seconds: that they work, not what they measure."""
    build_release(log)
    install(log, "for the benchmarks", "bench/packages.txt")
    cases = reported(log, PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml", log.folder / "junit.xml",
                     "bench/tests", env={"CAMWEAVE_BIN": str(ROOT / "build/release/bin")})
    (log.folder / "junit.xml").unlink(missing_ok=True)
    return cases + reported(log, ROOT / "bench/run", "--brief", "--seconds", "2", "--rounds", "1", "--json", OUT / "bench.json")


def debian13(log):
    """A fresh clone in a clean Debian 13: installs, builds and runs the tests that need no kernel and no browser of their own."""
    if os.getuid() != 0:
        return [Case("debian13", "skipped", "making a clean base needs root")]
    install(log, "for the clean base", "scripts/packages/all.txt")
    return reported(log, ROOT / "tests/distro/try", "trixie", "test", "layers", "unit", "web", "integration")
