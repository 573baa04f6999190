"""Notifications as mail servers send them: the first example of RFC 3464 (appendix E.1), and what is like it."""

REFERENCE = "0123456789abcdef" * 2
ADDRESS = "louisl@larry.slip.umd.edu"

ORIGINAL = """\
Message-ID: <{reference}@implanta.example>
From: nao-responda@implanta.example
To: {address}
Subject: =?utf-8?q?Tim=C3=B3teo?=
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"

Prezada pessoa.
"""

_RFC_3464 = """\
Date: Thu, 7 Jul 1994 17:16:05 -0400
From: Mail Delivery Subsystem <MAILER-DAEMON@CS.UTK.EDU>
Message-Id: <199407072116.RAA14128@CS.UTK.EDU>
Subject: Returned mail: Cannot send message for 5 days
To: <owner-info-mime@cs.utk.edu>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
      boundary="RAA14128.773615765/CS.UTK.EDU"

--RAA14128.773615765/CS.UTK.EDU

The original message was received at Sat, 2 Jul 1994 17:10:28 -0400
from root@localhost

   ----- The following addresses had delivery problems -----
<{address}>  (unrecoverable error)

--RAA14128.773615765/CS.UTK.EDU
content-type: message/delivery-status

Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;{address}
Final-Recipient: rfc822;{address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400

--RAA14128.773615765/CS.UTK.EDU
content-type: {kind}

{original}
--RAA14128.773615765/CS.UTK.EDU--
"""

ABSENCE = f"""\
From: {ADDRESS}
To: nao-responda@implanta.example
Subject: Ausente
Auto-Submitted: auto-replied
In-Reply-To: <{REFERENCE}@implanta.example>
References: <{REFERENCE}@implanta.example>
Content-Type: text/plain

Volto dia 10. Delivery failed. Status: 5.1.1
""".encode()

READ_RECEIPT = (
    _RFC_3464.format(
        address=ADDRESS,
        action="failed",
        status="5.1.1",
        kind="message/rfc822",
        original=ORIGINAL.format(reference=REFERENCE, address=ADDRESS),
    )
    .replace("delivery-status;\n", "disposition-notification;\n")
    .encode()
)


def notification(
    reference: str = REFERENCE,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    kind: str = "message/rfc822",
    address: str = ADDRESS,
    body: str = "",
) -> bytes:
    """A notification of what became of one message."""
    original = ORIGINAL.format(reference=reference, address=address) + body
    return _RFC_3464.format(address=address, action=action, status=status, kind=kind, original=original).encode()
