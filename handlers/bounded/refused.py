"""How a job says no."""


class Refused(Exception):
    """What was sent is not taken.

    :param message: what the person who sent it reads.
    :param code: which rule it was, for logs and tests.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
