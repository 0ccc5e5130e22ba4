"""One sentence for every mistake on the command line: what was not understood, and what is probably meant."""

import dataclasses
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast, get_args, get_type_hints

from jsonargparse import ArgumentParser, Namespace

from posepart.io.files import shown
from posepart.io.yaml_files import read_yaml

_LONGEST = 500  # characters of what a library says
_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


def explain_error(
    message: str,
    arguments: Sequence[str],
    parsers: Mapping[str, ArgumentParser],
    stray_hints: Mapping[str, str],
) -> str:
    """Turn an error of argparse or jsonargparse into one sentence that proposes what to do.

    Parameters
    ----------
    message : str
        The text of the error.
    arguments : sequence of str
        What was typed after `posepart`.
    parsers : mapping
        The parser of every command, by name.
    stray_hints : mapping
        For every command, where the words that are not options belong.
    """
    if match := re.match(r"argument command: invalid choice: '(.*?)'", message):
        return f"unknown command {match[1]!r}{_proposal(match[1], list(parsers))}"
    command = next((argument for argument in arguments if argument in parsers), None)
    if command is None and not message.startswith("unrecognized"):
        return f"name a command: {', '.join(parsers)} (posepart --help shows examples)"
    options = list(parsers[command]._option_string_actions) if command else ["--help", "--version"]
    if match := re.match(r"unrecognized arguments: (\S+)", message):
        word = match[1].partition("=")[0]
        if word.startswith("-"):
            return f"unknown option {word}{_proposal(word, options)}"
        return f"{word}: not expected here; {stray_hints.get(command or '', 'see posepart --help')}"
    if match := re.match(r"(?:Problems parsing config|Unexpected config): (.*)", message, re.DOTALL):
        return f"--config: not a YAML or JSON file of settings ({_joined(match[1])})"
    if match := re.search(r"does not accept option '(.*)'", message):
        keys = [option.removeprefix("--") for option in options]
        return f"unknown key {shown(match[1])} in the configuration{_proposal(match[1], keys)}"
    if match := re.match(r'(?s)Parser key "(.*?)":\s*(.*)', message):
        return f"--{match[1]}: {_wrong_value(match[2])}"
    if match := re.match(r"(?s)argument (\S+): (.*)", message):
        return f"{match[1]}: {_wrong_value(match[2])}"
    return _joined(message)


def check_sections(config: type, values: object, key: str) -> None:
    """Refuse a plain value in place of a section of settings, and null for a setting that cannot be nothing.

    jsonargparse would accept both in silence.

    Parameters
    ----------
    config : type
        The dataclass of the section.
    values : object
        What jsonargparse parsed for it.
    key : str
        The dotted name of the section.

    Raises
    ------
    ValueError
        With the name of the section and the value.
    """
    if not isinstance(values, Namespace):
        raise ValueError(f"--config: {key} is a section of settings, but the file says {shown(repr(values))}")
    for name, kind in get_type_hints(config).items():
        if dataclasses.is_dataclass(kind):
            check_sections(cast(type, kind), values[name], f"{key}.{name}")
        elif values[name] is None and type(None) not in get_args(kind):
            raise ValueError(
                f"--config: {key}.{name} is null; give it a value, or leave it out for the default"
            )


def check_values(chosen: Namespace, parser: ArgumentParser) -> None:
    """Refuse null, which jsonargparse takes for any option, as the value of one that has another default.

    Raises
    ------
    ValueError
        With the name of the option.
    """
    defaults = parser.get_defaults(skip_validation=True)
    for option, value in vars(chosen).items():
        default = defaults.get(option)
        if value is None and default is not None and not isinstance(default, Namespace):
            raise ValueError(f"--config: {option} is null; give it a value, or leave it out for {default}")


def check_settings_file(name: str) -> None:
    """Refuse a file of settings that jsonargparse would fail on, or be busy with for years.

    Raises
    ------
    ValueError
        The file is no YAML, or an alias in it multiplies itself.
    """
    path = Path(name)
    try:
        if path.is_file():  # jsonargparse takes a text of settings, too
            read_yaml(path)
    except OSError:
        return  # a long text
    except ValueError as error:
        raise ValueError(f"--config: not a YAML or JSON file of settings ({path}: {error})") from None


def _wrong_value(reason: str) -> str:
    """What was expected of the value of an option, and what came."""
    if match := re.match(r"Expected a <class '(\w+)'>\. Got value: (.*)", reason):
        sentence = f"expected {_TYPES.get(match[1], match[1])}, got {shown(match[2])}"
        if match[1] == "str" and match[2] in ("True", "False"):
            sentence += ", which YAML makes of on, off, yes and no: put the word in quotes"
        return sentence
    if match := re.match(r"invalid choice: '(.*?)' \(choose from (.*)\)", reason):
        return f"expected one of {match[2].replace(chr(39), '')}, got {shown(match[1])}"
    return _joined(reason)


def _joined(text: str) -> str:
    """A text of several lines as one that can be read."""
    return str(shown(" ".join(text.split()), _LONGEST))


def _proposal(word: str, known: Sequence[str]) -> str:
    """What was probably meant; of a dotted key, only the last part may be wrong, or all of it."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known[:8])} ..."
