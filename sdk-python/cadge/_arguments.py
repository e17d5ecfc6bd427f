"""What `python -m cadge` understands. Options have the names of those of the command `cadge`."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta, timezone
from typing import Optional

from .alert import Priority
from .history import Dimension

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_EXAMPLES = {
    "tail": """
  python -m cadge tail                      from now on
  python -m cadge tail --cursor mine        resume where this cursor was
  python -m cadge tail --filter 'alert.priority_num <= 3' --json
""",
    "get": """
  python -m cadge get --json                those that you have not had yet
  python -m cadge get --after 0 --limit 100 the oldest hundred, whether had or not
""",
    "count": """
  python -m cadge count                     by rule
  python -m cadge count host,rule --since 24h
  python -m cadge count priority --namespace shop --step 1h --json
""",
    "push": """
  python -m cadge push 'Door opened' 'the north door is open' door.name=north
  python -m cadge push --priority Critical --tag site 'Fire' 'smoke in the hall'
""",
}


def duration(text: str) -> timedelta:
    """Such as `90m` or `24h`."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no duration: write such as 90m, 24h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def when(text: str) -> datetime:
    """A duration before now, or a time."""
    try:
        if re.fullmatch(r"\d+[smhd]", text):
            return datetime.now(timezone.utc) - duration(text)
        # Before Python 3.11 there is no `Z`.
        return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except (ValueError, OverflowError):
        wanted = "write a duration before now, such as 24h, or a time as 2026-01-31T12:00:00Z"
        raise argparse.ArgumentTypeError(f"`{text}` is no time: {wanted}") from None


def names(text: str) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in text.split(",") if name.strip()]


def dimensions(text: str) -> list[Dimension]:
    """Dimensions with commas between them."""
    try:
        return [Dimension(name) for name in names(text)]
    except ValueError as error:
        known = ", ".join(each.value for each in Dimension)
        raise argparse.ArgumentTypeError(f"{error}: there are {known}") from None


def priority(text: str) -> Priority:
    """By its name."""
    try:
        return Priority[text.upper()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"`{text}` is no priority: {', '.join(map(str, Priority))}") from None


def field(text: str) -> tuple[str, str]:
    """`NAME=VALUE`."""
    name, is_there, value = text.partition("=")
    if not name or not is_there:
        raise argparse.ArgumentTypeError(f"`{text}` is no NAME=VALUE")
    return name, value


def parse(arguments: Optional[list[str]]) -> argparse.Namespace:
    """Takes the command line apart. Ends the program if it can't."""
    parser = argparse.ArgumentParser("python -m cadge", description="Client of a Cadge hub")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _tail(_command(commands, "tail", "Print alerts as they come"))
    _get(_command(commands, "get", "Print the alerts that you have not had yet, and stop"))
    _count(_command(commands, "count", "Count the alerts of the hub's log"))
    _push(_command(commands, "push", "Hand in an event of one's own"))
    return parser.parse_args(arguments)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=what,
        description=what,
        epilog="examples:" + _EXAMPLES[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    text = "What is not given comes from CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY and CADGE_TOKEN"
    reach = parser.add_argument_group("the hub", text)
    reach.add_argument("--hub", metavar="URL", help="its address, such as https://hub.example:5060")
    reach.add_argument("--socket", metavar="PATH", help="its Unix socket, in place of --hub")
    reach.add_argument("--cert", metavar="FILE", help="your certificate")
    reach.add_argument("--key", metavar="FILE", help="its private key")
    reach.add_argument("--ca", metavar="FILE", help="the certificate of the authority that signed the hub's")
    reach.add_argument("--token-file", metavar="FILE", help="a file with a bearer token that the hub knows")
    return parser


def _print(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON as Falco does, one alert a line")
    choices = ["auto", "always", "never"]
    parser.add_argument("--color", choices=choices, default="auto", help="colour the lines; auto: on a terminal")
    _filter(parser)
    fields = "only these output fields, with commas between them"
    parser.add_argument("--fields", type=names, default=[], metavar="NAMES", help=fields)


def _filter(parser: argparse.ArgumentParser) -> None:
    text = "only alerts that this condition in Falco's language is true for"
    parser.add_argument("--filter", default="", metavar="CONDITION", help=text)


def _tail(parser: argparse.ArgumentParser) -> None:
    _print(parser)
    text = "remember under this name what was printed, and go on after it; without: from now on"
    parser.add_argument("--cursor", metavar="NAME", help=text)
    text = "where to start, unless the cursor has a place already"
    parser.add_argument("--from", dest="start", choices=["now", "beginning"], default="now", help=text)


def _get(parser: argparse.ArgumentParser) -> None:
    _print(parser)
    text = "print what stands after this position in the log, and leave your place as it is"
    parser.add_argument("--after", type=int, metavar="POSITION", help=text)
    parser.add_argument("--limit", type=int, metavar="N", help="print at most so many; only with --after")


def _count(parser: argparse.ArgumentParser) -> None:
    text = f"by what, with commas between: {', '.join(each.value for each in Dimension)}; rule if none is named"
    parser.add_argument("by", nargs="?", type=dimensions, default=[Dimension.RULE], metavar="BY", help=text)
    parser.add_argument("--json", action="store_true", help="print JSON, one count a line")
    _filter(parser)
    for each in Dimension:
        text = f"only alerts with this {each.value}; may be repeated"
        parser.add_argument(f"--{each.value}", action="append", default=[], metavar="NAME", help=text)
    parser.add_argument("--since", type=when, metavar="WHEN", help="raised since then: 24h, or 2026-01-31T12:00:00Z")
    parser.add_argument("--until", type=when, metavar="WHEN", help="raised before then")
    parser.add_argument("--step", type=duration, metavar="DURATION", help="for each span of time, such as 5m or 1h")


def _push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE", help="what kind of thing happened")
    parser.add_argument("output", metavar="OUTPUT", help="what happened, for people")
    parser.add_argument("fields", nargs="*", type=field, metavar="NAME=VALUE", help="the same for machines")
    text = "how urgent it is (default: Notice)"
    parser.add_argument("--priority", type=priority, default=Priority.NOTICE, metavar="NAME", help=text)
    parser.add_argument("--tag", action="append", default=[], metavar="NAME", help="may be repeated")
    parser.add_argument("--host", default="", metavar="NAME", help="where it happened")
    parser.add_argument("--source", default="", metavar="NAME", help="the source's name (default: input)")
    parser.add_argument("--json", action="store_true", help="print JSON")
