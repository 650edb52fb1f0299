"""Where frames come from: what a source is called, what kind it is, and that it was lost."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from so_arm.core.errors import SoArmError, UserError

DEVICE, FILE, STREAM = "device", "file", "stream"


class SourceLost(SoArmError):
    """No frames from here any more; the text says why. It may come back."""


class Source(NamedTuple):
    """`kind` is device, file or stream."""

    kind: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Source:
        """A device index or path, a file, or a URL; UserError when a device or file does not exist."""
        if not text:
            raise UserError("camera source is empty; give a device (0, /dev/video0), a video file or a URL")
        if "://" in text:
            return cls(STREAM, text)
        path = Path(f"/dev/video{text}" if text.isdigit() else text).expanduser()
        if not path.exists():
            there = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
            raise UserError(f"camera source {text} does not exist; devices here: {there}")
        if path.is_dir():
            raise UserError(f"camera source {text} is a folder; give a video file")
        # A stable name (/dev/v4l/by-id/...) is kept as it is: after a replug it may lead to another /dev/videoN.
        return cls(DEVICE if path.is_char_device() else FILE, str(path))

    def __str__(self) -> str:
        """The address without a password, which is nobody's business on /diagnostics."""
        if self.kind == STREAM and "@" in (place := urlsplit(self.address).netloc):
            return self.address.replace(place, place.rpartition("@")[2], 1)
        return self.address
