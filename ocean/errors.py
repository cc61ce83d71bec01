"""The S3 error catalogue: one line for each code.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""


class S3Error(Exception):
    """An error answered to the client. Keywords become elements of the answer's XML.

    `headers` are added to the answer; the status and message default to the code's own.
    """

    code = "InternalError"
    status = 500
    message = "We encountered an internal error. Please try again."

    def __init__(
        self,
        message: str | None = None,
        /,
        *,
        headers: dict[str, str] | None = None,
        **details: str,
    ) -> None:
        super().__init__(message or self.message)
        if message is not None:
            self.message = message
        self.headers = headers or {}
        self.details = details


def code(name: str, status: int, message: str) -> type[S3Error]:
    """Declare one error code of S3."""
    return type(name, (S3Error,), {"code": name, "status": status, "message": message})


InternalError = code("InternalError", 500, S3Error.message)
NoSuchKey = code("NoSuchKey", 404, "The specified key does not exist.")
