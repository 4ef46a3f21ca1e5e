"""Prints "N passed, N failed": count_tests.py <failed checks> <JUnit report of ctest or pytest> ...

A program of doctest's counts by its test cases, any other test and each of pytest's as one. A report that is
missing is a failure: its tests did not run.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count(case: ElementTree.Element) -> tuple[int, int]:
    """Return (passed, failed) of one entry of a report."""
    if case.find("skipped") is not None:
        return 0, 0
    bad = case.find("failure") is not None or case.find("error") is not None
    text = case.findtext("system-out") or ""
    summary = re.search(r"\[doctest\] test cases: *\d+ *\| *(\d+) passed *\| *(\d+) failed", text)
    if not summary:
        return int(not bad), int(bad)
    passed, failed = int(summary[1]), int(summary[2])
    return passed, max(failed, int(bad))  # bad without a failed case: it ended badly, by a leak for example


def main(failed_checks: int, reports: list[str]) -> int:
    """Count all reports; the exit status is 1 if anything failed."""
    passed, failed = 0, failed_checks
    for report in reports:
        if not Path(report).exists():
            print(f"{Path(report).name} is missing")
            failed += 1
            continue
        for case in ElementTree.parse(report).iter("testcase"):
            good, bad = count(case)
            passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
