"""One csv record as its fields, by the rules of univocity, the parser that Spark uses: slow and exact.

A quote opens a value only where the value begins. Where a quote inside it is not escaped, and no separator
follows, the value is what stands there up to the next separator, its opening quote with it.
"""

from __future__ import annotations

from genspark.sources.formats.csv.dialect import Dialect

NUL = "\0"


def fields(line: str, dialect: Dialect) -> list[str | None]:
    """The fields; None for one that is empty and not quoted."""
    if dialect.quote not in line or not dialect.quote:
        return [text or None for text in line.split(dialect.sep)]
    return _Record(line, dialect).fields()


class _EndError(Exception):
    """The line has no more signs."""


class _Record:
    """Reads sign by sign. `now` is the sign at hand, `before` the one before it inside a quoted value."""

    def __init__(self, line: str, dialect: Dialect) -> None:
        self.line, self.place = line, 0
        self.sep, self.quote, self.escape = dialect.sep, dialect.quote, dialect.escape or NUL
        # What escapes the escape sign: itself, unless the quote does the escaping.
        self.twice = NUL if self.escape == self.quote else self.escape
        self.now = self.before = NUL
        self.is_broken = False
        self.text: list[str] = []
        self.found: list[str | None] = []

    def fields(self) -> list[str | None]:
        try:
            self._next()
            while True:
                self._field()
                self._next()
        except _EndError:
            self._finish()
        return self.found

    def _field(self) -> None:
        if self.now == self.sep:
            self.found.append(None)
            return
        self.is_broken, self.before = False, NUL
        if self.now == self.quote:
            self._quoted()
        else:
            self._until(self.sep)
        self._value()

    def _finish(self) -> None:
        """What the end of the line makes of the value at hand."""
        is_value = self.before != NUL and self.now != self.sep
        if self.now == self.quote and self.before == self.quote:
            is_value = True
        elif self.now == self.quote and not self.is_broken:
            self.text.append(self.quote)
        if self.text or is_value:
            self._value()
        else:
            self.found.append(None)

    def _value(self) -> None:
        self.found.append("".join(self.text))
        self.text = []

    def _next(self) -> None:
        if self.place >= len(self.line):
            raise _EndError
        self.now = self.line[self.place]
        self.place += 1

    def _until(self, *stops: str) -> None:
        """Take signs up to a stop. At the line's end, what was at hand when this began stays so."""
        began = self.now
        try:
            while self.now not in stops:
                self.text.append(self.now)
                self._next()
        except _EndError:
            self.now = began
            raise

    def _quoted(self) -> None:
        if self.before != NUL:
            self.text.insert(0, self.quote)
            self._next()
            self._until(self.sep)
            return
        self._next()
        if self._inside():
            self._after()

    def _inside(self) -> bool:
        """Up to the closing quote; False where the value has ended without one."""
        while not (self.before == self.quote and (self.now <= " " or self.now == self.sep)):
            if self.now not in (self.quote, self.escape):
                if self.before == self.quote:
                    self._broken()
                    return False
                if self.before == self.escape != NUL:
                    self.text.append(self.escape)
                self._until(self.quote, self.escape, self.twice)
                self._step()
            else:
                self._escaped()
                self._step()
                if self.is_broken and self.now == self.sep:
                    return False
        return True

    def _step(self) -> None:
        self.before = self.now
        self._next()

    def _broken(self) -> None:
        self.is_broken = True
        self.text += [self.quote, self.now]
        self.before = self.now
        self._quoted()

    def _after(self) -> None:
        """Whitespace between the closing quote and the separator goes; before anything else it stays."""
        if self.now == self.sep:
            return
        white: list[str] = []
        while self.now <= " " and self.now != self.sep:
            white.append(self.now)
            self._next()
        if self.now != self.sep:
            self.text += [self.quote, *white, self.now]
            self.before = self.now
            self._quoted()

    def _escaped(self) -> None:
        if self.now == self.escape and self.before == self.twice != NUL:
            self.text.append(self.escape)
            self.now = NUL
        elif self.before == self.escape:
            if self.now == self.quote:
                self.text.append(self.quote)
                self.now = NUL
            else:
                self.text.append(self.before)
        elif self.now == self.quote == self.before:
            self.text.append(self.quote)
        elif self.before == self.quote:
            self._stray()

    def _stray(self) -> None:
        self.text.append(self.quote)
        self.before = self.now
        while self.now != self.sep:
            if self.now not in (self.quote, self.escape):
                if self.before == self.quote:
                    self._stray()
                    return
                self.text.append(self.now)
            else:
                self._escaped()
            self._step()
