"""What a client of plain HTTP is given for TLS: nothing to trust, and nothing to load."""

import ssl

TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For addresses that begin with `http://`: httpx reads the roots of the whole web for each call, 25 ms of a core.

Should such an address lead to TLS all the same, every certificate is refused.
"""
