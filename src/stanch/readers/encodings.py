"""Any encoding in, UTF-8 out.

A file is taken as UTF-8 (with or without byte order mark) unless it says otherwise with a mark of
UTF-16, or its bytes cannot be UTF-8; then the encoding is guessed, shown and can be overridden.
Bytes that do not fit are replaced by U+FFFD and counted: an attacker who puts broken bytes into a
user agent must not be able to make the attempt disappear.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import Final, Protocol

import charset_normalizer

from stanch.errors import EvidenceError, UsageError

#: Candidates for what is not UTF-8, most likely first: where shops of the two languages and their
#: neighbours keep old exports.
_CANDIDATES: Final = ["gb18030", "cp1252", "big5", "shift_jis", "euc_kr", "cp1251"]
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: State of a UTF-8 decoder that holds no half character and expects no byte order mark any more.
_AT_REST: Final = (b"", 0)
#: Codecs of Python that are notations for names and source code, not encodings of files.
_NOTATIONS: Final = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})
_SAMPLE: Final = 1 << 18
_CHUNK: Final = 1 << 20
_PAIR: Final = re.compile(rb"[\x81-\xfe][\x40-\xfe]")
#: Punctuation, numbers and full-width Latin letters, which all of the East Asian sets have there.
_ROWS_OF_SIGNS: Final = frozenset({0xA1, 0xA2, 0xA3})


class ByteStream(Protocol):
    """Anything with `read`."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, `b""` at the end."""
        ...


def check_encoding(name: str) -> str:
    """The codec's own name for `name`.

    Raises:
        UsageError: there is no text encoding of that name.
    """
    try:
        codec = codecs.lookup(name)
        "".encode(name)
        if codec.name.replace("-", "_") in _NOTATIONS or codec.incrementaldecoder is None:
            raise LookupError(name)
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"there is no encoding {name!r}", hint="such as utf-8, gb18030, big5, cp1252"
        ) from error
    # GBK and GB2312 are subsets; exports that claim them often hold more (GB 18030-2005).
    return "gb18030" if codec.name in {"gbk", "gb2312"} else codec.name


class Utf8Stream(io.RawIOBase):
    """Reads `source` and gives valid UTF-8 without a byte order mark.

    `encoding` is decided by the mark, or by the first bytes that are not ASCII.

    Raises:
        EvidenceError: the bytes cannot be of the encoding that was asked for; also from reading.
    """

    def __init__(self, source: ByteStream, encoding: str | None = None) -> None:
        super().__init__()
        self._source = source
        self.encoding = ""
        #: True where the encoding follows from neither the user, nor a mark, nor valid UTF-8.
        self.guessed = False
        self.n_replaced = 0
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ended = False
        #: What was taken from the source while only `peek` was called.
        self._peeked: list[bytes] | None = []
        self._ready = b""
        first = self._take()
        marked = next((name for mark, name in _MARKS if first.startswith(mark)), None)
        if encoding is not None:
            if encoding == "utf-16" and marked != encoding:
                encoding = _guess_utf16(first) or encoding
            self._set(encoding if encoding != "utf-8" else "utf-8-sig")
        elif marked or (marked := _guess_utf16(first)):
            self._set(marked)
        self._ready = self._convert(first)

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes from the front, without taking them."""
        while len(self._ready) < size and not self._ended:
            self._ready += self._convert(self._take())
        return self._ready[:size]

    def keep_to_utf_8(self) -> None:
        """Take back a guess; before anything was read. For logs, where strangers choose the bytes."""
        assert self._peeked is not None
        self.guessed, self.n_replaced = False, 0
        self._set("utf-8-sig")
        self._ready = b"".join([self._convert(chunk) for chunk in self._peeked])

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the front of `buffer`; 0 at the end."""
        self._peeked = None
        while not self._ready and not self._ended:
            self._ready = self._convert(self._take())
        n = min(len(buffer), len(self._ready))
        buffer[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n

    def read_fully(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        self._peeked = None
        parts = [self._ready]
        n = len(self._ready)
        while n < size and not self._ended:
            parts.append(self._convert(self._take()))
            n += len(parts[-1])
        data = b"".join(parts)
        self._ready = data[size:]
        return data[:size]

    def _take(self) -> bytes:
        chunk = self._source.read(_CHUNK)
        if self._peeked is not None:
            self._peeked.append(chunk)
        return chunk

    def _set(self, encoding: str) -> None:
        self.encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")

    def _convert(self, chunk: bytes) -> bytes:
        self._ended = not chunk
        if self._decoder is None:
            if chunk.isascii():
                return chunk
            encoding = guess_encoding(chunk)
            self.guessed = encoding != "utf-8"
            self._set(encoding)
        assert self._decoder is not None
        if self.encoding == "utf-8" and chunk.isascii() and self._decoder.getstate() == _AT_REST:
            return chunk
        try:
            text = self._decoder.decode(chunk, final=self._ended)
        except UnicodeError as error:  # UTF-16 and UTF-32 without the mark that tells the order of bytes
            raise EvidenceError(
                f"is not in the encoding {self.encoding}", hint="leave --encoding out, or name another"
            ) from error
        self.n_replaced += text.count("\ufffd")
        return text.encode("utf-8", "replace")


def guess_encoding(chunk: bytes) -> str:
    """The likeliest encoding of `chunk`, which holds bytes that are not ASCII."""
    start = max(0, next(i for i, byte in enumerate(chunk) if byte > 127) - 1000) if not chunk.isascii() else 0
    sample = chunk[start : start + _SAMPLE]
    # A character may be cut at the sample's end; a few broken bytes do not make it another encoding.
    text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(sample, final=False)
    n_bad = text.count("\ufffd")
    n_good = sum(1 for c in text if c > "\x7f") - n_bad
    if n_bad <= n_good // 3:
        return "utf-8"
    if _is_simplified_chinese(sample):
        return "gb18030"
    best = charset_normalizer.from_bytes(sample, cp_isolation=_CANDIDATES).best()
    return best.encoding if best is not None else "cp1252"


def _is_simplified_chinese(sample: bytes) -> bool:
    """Whether the bytes are pairs as in GB 2312, mostly of its level 1 (rows 16-55, B0 to D7).

    These 3,755 characters make up nearly all Chinese text, and a few of them are too little for the
    general guess. Korean (KS X 1001) has its letters in rows 16-40, Cyrillic code pages lie higher,
    Japanese (JIS X 0208) has rows 4 and 5, and Big5 has half its second bytes below A1.
    """
    try:
        codecs.getincrementaldecoder("gb18030")().decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    pairs = [pair for pair in _PAIR.findall(sample) if pair[0] not in _ROWS_OF_SIGNS]
    n_level_1 = sum(0xB0 <= lead <= 0xD7 and trail >= 0xA1 for lead, trail in pairs)
    n_beyond_korean = sum(lead > 0xC8 for lead, _ in pairs)
    return bool(pairs) and n_level_1 >= 0.85 * len(pairs) and n_beyond_korean >= 0.05 * len(pairs)


def _guess_utf16(chunk: bytes) -> str | None:
    """UTF-16 without a mark: nearly every second byte of mostly Latin text is zero."""
    sample = chunk[:4096]
    if len(sample) < 4:
        return None
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[offset::2].count(0)
        if zeros > 0.4 * len(sample) / 2 and sample[1 - offset :: 2].count(0) < 0.05 * len(sample) / 2:
            return name
    return None
