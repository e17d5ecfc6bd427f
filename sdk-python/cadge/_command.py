"""The command `python -m cadge`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import Any, Optional

from . import _arguments
from .alert import Alert
from .client import Client, connect
from .errors import Error
from .event import Event
from .history import Dimension

_DIM, _RESET = "\x1b[2m", "\x1b[0m"

_PAINT = ("\x1b[1;31m",) * 3 + ("\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[34m", "\x1b[34m")
"""By priority: red from `Error` up, yellow for `Warning`, green for `Notice`, blue below."""

_TOKEN_MAX = 4096

_CONTROL = {code: f"\\u{{{code:x}}}" for code in (*range(32), *range(127, 160))}
_CONTROL.update({ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"})


def main(arguments: Optional[list[str]] = None) -> None:
    """Does what the command line says. Ends well at SIGINT and SIGTERM, and when nobody reads on."""
    given = _arguments.parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with connect(_address(given), ca=given.ca, cert=given.cert, key=given.key, token=_token(given)) as hub:
            _COMMANDS[given.command](hub, given)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # What is still to be written when the interpreter ends must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Error as error:
        sys.exit(f"cadge: {type(error).__name__}: {error}")


def _address(given: argparse.Namespace) -> Optional[str]:
    if given.socket is None:
        return str(given.hub) if given.hub is not None else None
    return f"unix://{os.path.abspath(given.socket)}"


def _token(given: argparse.Namespace) -> Optional[str]:
    if given.token_file is None:
        return None
    try:
        with open(given.token_file, encoding="ascii", errors="replace") as file:
            return file.read(_TOKEN_MAX).strip()
    except OSError as error:
        sys.exit(f"cadge: can't read `{given.token_file}`: {error.strerror}")


def _tail(hub: Client, given: argparse.Namespace) -> None:
    with hub.subscribe(given.cursor, start=given.start, filter=given.filter, fields=given.fields) as alerts:
        for alert in alerts:
            print(_line(alert, given), flush=True)


def _get(hub: Client, given: argparse.Namespace) -> None:
    if given.after is None and (given.limit is not None or given.filter or given.fields):
        sys.exit("cadge: `--limit`, `--filter` and `--fields` need `--after`: what you have not had yet comes whole")
    alerts = hub.get_new()
    if given.after is not None:
        alerts = hub.get(given.after, limit=given.limit or 0, filter=given.filter, fields=given.fields)
    for alert in alerts:
        print(_line(alert, given), flush=True)


def _count(hub: Client, given: argparse.Namespace) -> None:
    where = {each: getattr(given, each.value) for each in Dimension if getattr(given, each.value)}
    counted = hub.count(
        given.by, where=where, since=given.since, until=given.until, step=given.step, filter=given.filter
    )
    counts = counted.counts
    if given.step is None:
        counts = tuple(sorted(counts, key=lambda count: (-count.count, count.values)))
    for count in counts:
        start = None if count.start is None else f"{count.start:%Y-%m-%dT%H:%M:%SZ}"
        said: dict[str, Any] = {} if start is None else {"start": start}
        said.update(zip((each.value for each in given.by), count.values))
        if given.json:
            print(json.dumps({**said, "count": count.count}, ensure_ascii=False), flush=True)
        else:
            print(count.count, *(_escape(value) or "-" for value in said.values()), sep="\t", flush=True)


def _push(hub: Client, given: argparse.Namespace) -> None:
    fields = dict(given.fields)
    hub.push(Event(given.rule, given.output, fields, given.priority, None, given.host, given.tag, given.source))
    print('{"kept":1}' if given.json else "kept", flush=True)


_COMMANDS = {"tail": _tail, "get": _get, "count": _count, "push": _push}


def _line(alert: Alert, given: argparse.Namespace) -> str:
    """Falco's line."""
    if given.json:
        return alert.falco_json()
    is_coloured = given.color == "always" or (given.color == "auto" and sys.stdout.isatty())
    name = str(alert.priority)
    time, found, rest = alert.output.partition(name)
    if not is_coloured or not found:
        return _escape(alert.output)
    return f"{_DIM}{_escape(time)}{_RESET}{_PAINT[alert.priority]}{name}{_RESET}{_escape(rest)}"


def _escape(text: str) -> str:
    """Spells control characters out: an alert quotes what a stranger typed, and a terminal would obey it."""
    return text.translate(_CONTROL)
