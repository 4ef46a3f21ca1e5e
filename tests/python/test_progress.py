"""What fit shows: a bar on a terminal, a line per epoch elsewhere, nothing when silenced."""

import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
import recurra as rc

LINE = re.compile(r"epoch (\d)/3  loss \d\S*(  validation_loss \d\S*)?  \d+\.\d\d s")
SCRIPT = """
import sys
import numpy as np
if {hidden}:
    sys.modules["tqdm"] = None
import recurra as rc
x = np.ones((40, 3, 2), "float32")
rc.fit(rc.Network([rc.Linear(2, 2)]), x, x, epochs=3, batch_size=4, progress={progress}, {options})
"""


def on_a_terminal(*, progress: bool = True, hidden: bool = False, options: str = "") -> str:
    """What fit writes to a pseudo terminal."""
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, 80))
    script = SCRIPT.format(progress=progress, hidden=hidden, options=options)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=writer) as process:
        os.close(writer)
        text = b""
        while True:
            try:
                chunk = os.read(reader, 4096)
            except OSError:  # the end, as Linux tells it
                break
            if not chunk:
                break
            text += chunk
        output, _ = process.communicate(timeout=60)
    os.close(reader)
    assert process.returncode == 0, text
    assert output == b""
    return text.decode()


def test_a_line_per_epoch_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.ones((8, 3, 2), np.float32)
    for validation in (None, 0.25):
        rc.fit(rc.Network([rc.Linear(2, 2)]), x, x, epochs=3, validation=validation)
        written = capsys.readouterr()
        assert written.out == ""
        lines = written.err.splitlines()
        matches = [LINE.fullmatch(line) for line in lines]
        assert [match.group(1) for match in matches if match] == ["1", "2", "3"]
        assert len(lines) == 3
        assert all(bool(match and match.group(2)) == (validation is not None) for match in matches)


def test_silence(capfd: pytest.CaptureFixture[str]) -> None:
    x = np.ones((8, 3, 2), np.float32)
    rc.fit(rc.Network([rc.Linear(2, 2)]), x, x, epochs=3, progress=False)
    rc.fit(rc.Network([rc.Linear(2, 2)]), x, x, epochs=0)
    assert capfd.readouterr() == ("", "")
    assert on_a_terminal(progress=False) == ""


def test_a_bar_on_a_terminal() -> None:
    pytest.importorskip("tqdm")
    text = on_a_terminal()
    assert "\r" in text
    assert "/30" in text
    assert "batch" in text
    assert [match.group(1) for match in LINE.finditer(text)] == ["1", "2", "3"]


def test_a_plain_bar_on_a_terminal_without_tqdm() -> None:
    text = on_a_terminal(hidden=True)
    assert "\r" in text
    assert "] 10/10  loss" in text
    assert [match.group(1) for match in LINE.finditer(text)] == ["1", "2", "3"]


@pytest.mark.parametrize("hidden", [False, True])
def test_a_resumed_run_begins_where_it_stood(hidden: bool, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    x = np.ones((40, 3, 2), np.float32)
    network = rc.Network([rc.Linear(2, 2)])
    rc.fit(network, x, x, epochs=1, batch_size=4, progress=False, checkpoint=path)
    text = on_a_terminal(hidden=hidden, options=f"checkpoint={str(path)!r}, resume=True")
    assert [match.group(1) for match in LINE.finditer(text)] == ["2", "3"]
    if hidden:
        assert "epoch 1" not in text
    else:
        pytest.importorskip("tqdm")
        done = [int(count) for count in re.findall(r"(\d+)/30", text)]
        assert min(count for count in done if count > 0) >= 11
