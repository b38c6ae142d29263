"""How the command line speaks: help for everything, errors with code and remedy and without a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from centra_assets.cli import app, main


@pytest.mark.parametrize("command", ["demo", "dev", "doctor", "sandbox", "retention"])
def test_every_command_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


def test_an_error_of_ours_is_its_code_cause_and_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["centra-assets", "sandbox", "--plan", "platinum"])
    with pytest.raises(SystemExit) as stopped:
        main()
    said = capsys.readouterr().err
    assert stopped.value.code == 1
    assert "SANDBOX_PLAN_UNKNOWN" in said
    assert "platinum" in said
    assert "Remedy: Choose one of" in said
    assert "Traceback" not in said


def test_the_command_fails_like_that_in_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "centra_assets.cli", "sandbox", "--port", "0", "--plan", "platinum"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("SANDBOX_PLAN_UNKNOWN")
    assert "Traceback" not in done.stderr
