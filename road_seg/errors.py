"""The errors a user can meet. Each says what was found, what was expected and how to fix it."""

_LONGEST_QUOTE = 80


def quoted(text: str) -> str:
    """Return the beginning of a text from outside, which may be of any length, in quotes."""
    return repr(text[:_LONGEST_QUOTE])


def in_words(error: BaseException) -> str:
    """Return the text of any error in one line, the name of its type if it has none."""
    return ' '.join(str(error).split()) or type(error).__name__


class RoadSegError(Exception):
    """
    Root of every error this package raises for a user's input.

    :param where: what is wrong: a file, a topic, a parameter.
    :param found: what was found there.
    :param expected: what would have been right.
    :param fix: what the user can do.
    """

    def __init__(self, where: object, *, found: str, expected: str, fix: str) -> None:
        super().__init__(f'{where}: found {found}; expected {expected}; {fix}')
        self.where = where
        self.found = found
        self.expected = expected
        self.fix = fix

    def within(self, place: object) -> 'RoadSegError':
        """Return the same error with the file or bag it happened in named first."""
        return type(self)(f'{place}: {self.where}', found=self.found, expected=self.expected,
                          fix=self.fix)


class InputError(RoadSegError):
    """A file, folder, bag, data set or message is unusable."""


class ConfigError(RoadSegError):
    """A parameter or a configuration file has a wrong value."""


class CalibrationError(RoadSegError):
    """A camera calibration is unusable."""


class ModelError(RoadSegError):
    """A model file is missing, damaged or lacks metadata."""


class BackendError(RoadSegError):
    """An inference backend cannot run here."""
