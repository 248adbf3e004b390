"""An SMTP server for tests: three ports, one mailbox that Dovecot reads.

Says its ports in one line of JSON: "tls" is encrypted from the first byte, "starttls" wants
STARTTLS before anything else, "plain" knows neither encryption nor names. On the first two
somebody must sign in. Mail to "refused@..." is refused for good, to "later@..." for now, and
with "broken@..." the connection breaks when the mail has been sent.
"""

import argparse
import asyncio
import json
import mailbox
import os
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Box:
    def __init__(self, path, owner):
        self.box = mailbox.Maildir(path, create=True)
        self.path = path
        self.owner = owner
        for part in ("", "cur", "new", "tmp"):
            os.chown(os.path.join(path, part), *owner)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 There is no such mailbox"
        if address.startswith("later@"):
            return "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        head = f"X-Envelope-From: {envelope.mail_from}\r\n"
        head += "".join(f"X-Envelope-To: {address}\r\n" for address in envelope.rcpt_tos)
        key = self.box.add(head.encode() + envelope.original_content)
        os.chown(os.path.join(self.path, "new", key), *self.owner)
        if any(address.startswith("broken@") for address in envelope.rcpt_tos):
            server.transport.abort()
        return "250 OK"


async def main():
    parser = argparse.ArgumentParser()
    for name in ("certificate", "key", "user", "password", "box"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--owner", required=True, type=int, nargs=2)
    given = parser.parse_args()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(given.certificate, given.key)
    box = Box(given.box, tuple(given.owner))

    def authenticate(server, session, envelope, mechanism, data):
        right = (
            isinstance(data, LoginPassword)
            and data.login == given.user.encode()
            and data.password == given.password.encode()
        )
        # handled: the server itself says that it was refused
        return AuthResult(success=right, handled=False)

    signed_in = {"authenticator": authenticate, "auth_required": True, "enable_SMTPUTF8": True}
    kinds = {
        # what is encrypted from the first byte needs no STARTTLS before a password
        "tls": ({"auth_require_tls": False, **signed_in}, context),
        "starttls": ({"tls_context": context, "require_starttls": True, **signed_in}, None),
        "plain": ({"enable_SMTPUTF8": True}, None),
    }
    loop = asyncio.get_running_loop()
    ports = {}
    for name, (settings, encryption) in kinds.items():
        server = await loop.create_server(
            lambda settings=settings: SMTP(box, loop=loop, **settings),
            "127.0.0.1",
            0,
            ssl=encryption,
        )
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
