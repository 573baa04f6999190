"""Which way an import of users takes into an environment's SIP."""

from blocks.users_channel import SqlChannel, UsersChannel
from tasks.instance import Instance


def channel_of(instance: Instance) -> UsersChannel:
    """The channel that the settings name."""
    return SqlChannel(instance.server, instance.name)
