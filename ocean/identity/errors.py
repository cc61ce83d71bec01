"""What the administration of accounts and access keys refuses."""


class IdentityError(Exception):
    """A change of accounts or access keys was refused; nothing was changed."""


class InvalidIdentity(IdentityError):
    """A name, pair, e-mail or display name cannot be used."""


class Taken(IdentityError):
    """The user name or the access key exists."""


class Absent(IdentityError):
    """No such user or access key."""


class Reserved(IdentityError):
    """Root is not made, changed or removed here."""
