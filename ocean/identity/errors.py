"""What the administration of accounts and access keys refuses."""


class IdentityError(Exception):
    """A change of accounts or access keys was refused; nothing was changed."""


class InvalidIdentity(IdentityError):
    """A name, pair, e-mail or display name cannot be used."""


class Taken(IdentityError):
    """The user name, the access key or the group exists."""


class Absent(IdentityError):
    """No such user, access key, policy or group, or nothing there to take away."""


class InUse(IdentityError):
    """The policy is attached to somebody, or the group has members."""


class Reserved(IdentityError):
    """Root is not made, changed or removed here."""
