"""Checks what a wheel contains, how large it is and what it requires: check_wheel.py recurra-....whl."""

import re
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

LARGEST = 5e6  # bytes
CONTENT = re.compile(
    r"recurra/(\w+\.py|(?:river|sklearn|text|_lm)/\w+\.py|_core\.[\w-]+\.so|_core\.pyi|py\.typed|data/.+)"
    r"|recurra-[^/]+\.dist-info/(METADATA|WHEEL|RECORD|licenses/LICENSE)"
)


def problems(path: Path) -> list[str]:
    """List what is wrong with the wheel."""
    found = []
    size = path.stat().st_size
    if size > LARGEST:
        found.append(f"has {size} bytes, expected at most {LARGEST:.0f}")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        metadata = Parser().parsestr(wheel.read(next(n for n in names if n.endswith("/METADATA"))).decode())
    strange = [name for name in names if not CONTENT.fullmatch(name)]
    if strange:
        found.append(f"contains {strange}")
    if sum(name.endswith(".so") for name in names) != 1:
        found.append("expected one extension module")
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    if [re.match(r"[\w-]+", line)[0] for line in required] != ["numpy"]:
        found.append(f"requires {required}, expected numpy only")
    print(f"{path.name}: {size} bytes, {len(names)} files, requires {', '.join(required)}")
    return found


if __name__ == "__main__":
    errors = problems(Path(sys.argv[1]))
    for error in errors:
        print(error, file=sys.stderr)
    sys.exit(bool(errors))
