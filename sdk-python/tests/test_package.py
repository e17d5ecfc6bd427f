"""The package as it is built, and its examples of use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hub import PATIENCE, Hub

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_wheel_and_sdist_have_the_types_and_the_generated_code(built: Path) -> None:
    sources = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("cadge/**/*") if path.suffix in (".py", ".pyi")}
    assert {"cadge/v1/alert_pb2.py", "cadge/v1/alert_pb2.pyi", "cadge/aio/client.py"} < sources
    (wheel,) = built.glob("cadge-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == sources | {"cadge/py.typed"}
    (sdist,) = built.glob("cadge-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert sources | {"cadge/py.typed", "pyproject.toml", "README.md"} < names
    assert not any(name.startswith("tests") for name in names)


def test_the_wheel_alone_reads_alerts(built: Path, full_hub: Hub, tmp_path: Path) -> None:
    (wheel,) = built.glob("cadge-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    (tmp_path / "first.py").write_text(program, encoding="utf-8")
    environment = {**full_hub.environment("consumer"), "PYTHONPATH": str(tmp_path / "site")}
    running = subprocess.Popen(
        [sys.executable, "first.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None and running.stdout.readline() == "alert 1 žluťoučký 隼\n"
    finally:
        running.kill()
        running.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("example", sorted(path.stem for path in ROOT.glob("examples/*.py")))
def test_an_example_says_what_is_wrong(example: str, tmp_path: Path) -> None:
    arguments = {
        "kafka": ["127.0.0.1:1", "topic", "cursor"],
        "push": ["R", "o"],
        "resume": ["cursor", str(tmp_path / "file")],
    }
    command = [sys.executable, str(ROOT / "examples" / f"{example}.py"), *arguments.get(example, [])]
    environment = {**os.environ, "CADGE_HUB": f"unix://{tmp_path}/none.sock", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{example}: HubDown: can't reach the hub at `unix://")
