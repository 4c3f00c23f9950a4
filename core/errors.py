"""The one exception that is meant for the person at the terminal."""


class UserError(Exception):
    """Something the user can put right: one line that says what is wrong, and a hint that says how."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Interrupted(Exception):
    """The user stopped a run that keeps its state: says what was kept, and how to go on."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
