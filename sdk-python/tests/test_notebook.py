"""The client in a notebook: a real kernel runs the cells, and is interrupted as a user does it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from hub import PATIENCE, Feeder, Hub

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

CONNECT = (
    "import asyncio, threading, cadge, cadge.aio\n"
    "hub = cadge.connect()\n"
    "alerts = hub.subscribe('notebook', manual=True)"
)
TAKE = "taken = [next(alerts).position for _ in range(3)]\nalerts.acknowledge(taken[-1])\nprint(taken)"
WAIT = "try:\n    next(alerts)\nexcept KeyboardInterrupt:\n    print('interrupted')"
AGAIN = "print(next(alerts).position)"
LOOP = (
    "async with cadge.aio.connect() as other:\n"
    "    async with other.subscribe(start='beginning') as more:\n"
    "        async for alert in more:\n"
    "            print(alert.position)\n"
    "            break"
)
CLOSE = (
    "alerts.close()\nhub.close()\n"
    "print([thread.name for thread in threading.enumerate() if 'cadge' in thread.name])\n"
    "hub = cadge.connect()\nprint(next(hub.subscribe('notebook')).position)"
)


def printed(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs if output.output_type == "stream").strip()


def test_the_cells_of_a_notebook(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    feeder = Feeder(hub)
    feeder.feed(3)
    for name, value in hub.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", ".")
    cells = [CONNECT, TAKE, WAIT, AGAIN, LOOP, CLOSE]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook.metadata.update(metadata)
    client = nbclient.NotebookClient(notebook, timeout=PATIENCE)

    def interrupt() -> None:
        # By then the cell waits for an alert that does not come.
        time.sleep(2)
        asyncio.run(client.km.interrupt_kernel())
        time.sleep(1)
        feeder.feed(1)

    with client.setup_kernel():
        for number, cell in enumerate(notebook.cells):
            if number == cells.index(WAIT):
                threading.Thread(target=interrupt).start()
            client.execute_cell(cell, number)
    texts = [printed(cell) for cell in notebook.cells]
    assert texts == ["", "[1, 2, 3]", "interrupted", "4", "1", "[]\n4"]
