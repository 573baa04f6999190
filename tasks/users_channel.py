"""Which way an import of users takes into an environment's SIP."""

from blocks.settings import load_settings
from blocks.sip import SEI_SYSTEM_ID
from blocks.users_channel import SqlChannel, UsersChannel
from blocks.users_soap import SoapChannel
from tasks import doors
from tasks.instance import Instance


def channel_of(instance: Instance) -> UsersChannel:
    """The channel that the settings name; by web service with SEI's key, to which SIP's services are released."""
    if load_settings().users_channel == "soap":
        key = doors.environment_secrets(instance.name.slug).access_keys()[SEI_SYSTEM_ID]
        return SoapChannel(instance.users, doors.runtime().address(instance.name), key)
    return SqlChannel(instance.server, instance.name)
