"""What a customer is told when a captcha, a code or a sign-in is refused."""


class CodeRefused(Exception):
    """Not now, or not so.

    :param message: for the customer, as domain 3.6 words it.
    :param code: for the journal and for tests.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
