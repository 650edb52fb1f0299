"""The keys of a recording: what a terminal sends as keys by name, and what each of them does."""

from __future__ import annotations

import codecs
import re

#: Key -> the service of recording_session that it calls.
SERVICES = {"r": "record", "s": "stop", "n": "next", "y": "succeed", "f": "fail", "d": "discard", "q": "quit"}
TAKE_OVER, HELP = "t", "h"
#: Key -> what it does, in the order to show them.
KEYS: dict[str, str] = {
    "r": "record the next episode",
    "s": "stop and save",
    "n": "stop and save, and the next one after the rest",
    "y": "stop and save as a success",
    "f": "stop and save as a failure",
    "d": "discard",
    TAKE_OVER: "take over from the policy, and hand back",
    "q": "quit; an episode that is running is discarded",
    HELP: "help",
}
#: A key that comes again within this time is held down. Terminals begin to repeat after a quarter to half a second.
REPEAT_S = 0.7

_SEQUENCES = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "[H": "home",
    "[F": "end",
    "[5~": "page_up",
    "[6~": "page_down",
    "[3~": "delete",
}
_NAMED = {" ": "space", "\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x08": "backspace"}
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;]*|O)?\Z")


class KeyReader:
    """Bytes of a terminal in, names of keys out: "r", "up", "space". Unknown sequences are swallowed."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._text = ""

    def feed(self, data: bytes) -> list[str]:
        """Keys that are complete by now. Empty `data`: nothing follows, so an escape is the key of that name."""
        self._text += self._decoder.decode(data)
        keys = []
        while self._text:
            if found := _SEQUENCE.match(self._text):
                self._text = self._text[found.end() :]
                if (name := _SEQUENCES.get(found[0][1:].replace("O", "["))) is not None:
                    keys.append(name)
            elif _UNFINISHED.match(self._text) and data:
                break
            else:
                keys += self._plain(self._text[0])
                self._text = self._text[1:]
        return keys

    def _plain(self, character: str) -> list[str]:
        if character == "\x1b":
            return ["escape"]
        name = _NAMED.get(character, character)
        return [name] if name.isprintable() else []


class HeldKeys:
    """Tells a press from the repeats of a key that is held down."""

    def __init__(self) -> None:
        self._last_s: dict[str, float] = {}

    def pressed(self, key: str, now_s: float) -> bool:
        """False for a repeat; each repeat prolongs the hold."""
        before_s = self._last_s.get(key)
        self._last_s[key] = now_s
        return before_s is None or now_s - before_s > REPEAT_S
