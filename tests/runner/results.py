"""What a suite found, read from whatever its test program writes: JUnit XML, TAP, or the counts of node's test runner."""

import dataclasses
import re
import xml.etree.ElementTree as ElementTree


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    outcome: str  # "passed", "failed" or "skipped"
    why: str = ""  # first line of the failure, or the reason of the skip


def first_line(text):
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[0][:200] if lines else ""


def from_junit(path):
    """Cases of a JUnit file as GoogleTest, pytest, ctest and node write it. Raises ElementTree.ParseError."""
    cases = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        group, name = case.get("classname"), case.get("name", "")
        name = name if group in (None, "", name) else f"{group}.{name}"
        bad = next((c for c in case if c.tag in ("failure", "error")), None)
        skip = next((c for c in case if c.tag == "skipped"), None)
        if bad is not None:
            cases.append(Case(name, "failed", first_line(bad.get("message") or bad.text)))
        elif skip is not None or case.get("status") in ("notrun", "disabled"):
            why = "disabled" if skip is None else (skip.get("message") or skip.text)
            cases.append(Case(name, "skipped", first_line(why) or "no reason given"))
        else:
            cases.append(Case(name, "passed"))
    return cases


def to_junit(path, suites_cases):
    """Writes what all suites found: pairs of a suite's name and its cases."""
    root = ElementTree.Element("testsuites")
    for name, cases in suites_cases:
        suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(cases)))
        for case in cases:
            element = ElementTree.SubElement(suite, "testcase", classname=name, name=case.name)
            if case.outcome != "passed":
                ElementTree.SubElement(element, {"failed": "failure", "skipped": "skipped"}[case.outcome], message=case.why)
    ElementTree.ElementTree(root).write(path, encoding="unicode")


def from_text(text):
    """Cases of TAP lines, else node's closing counts ("# pass 12", "ℹ pass 12"). Empty where there is neither."""
    cases = []
    for line in text.splitlines():
        match = re.match(r"\s*(not ok|ok)\b\s*\d*\s*(?:- )?(.*)", line)
        if not match:
            continue
        name, _, directive = match[2].partition(" # ")
        if re.match(r"(?i)skip", directive):
            cases.append(Case(name, "skipped", directive[4:].strip() or "no reason given"))
        else:
            cases.append(Case(name, "passed" if match[1] == "ok" else "failed"))
    if cases:
        return cases
    for key, outcome in (("pass", "passed"), ("fail", "failed"), ("skipped", "skipped")):
        counts = re.findall(rf"(?m)^[#ℹ] {key} (\d+)", text)
        cases += [Case(f"{outcome} {i + 1}", outcome, "see the log") for i in range(sum(map(int, counts)))]
    return cases
