"""Listeners as production has them, on loopback: TLS with passwords or certificates, and access
control.

The keys and passwords are made anew for each run and are worth nothing elsewhere.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
ALLOWED, STRANGER = "lendwatch", "stranger"  # two users; a test gives rights to the first only


@dataclass
class Secured:
    """Where the secured listeners are, and what a client needs to enter them."""

    folder: Path
    port: int
    certified_port: int
    passwords: dict[str, str]

    @property
    def bootstrap(self) -> str:
        """By name, because the certificate is the name's."""
        return f"localhost:{self.port}"

    @property
    def certified_bootstrap(self) -> str:
        """Where a client's certificate is its name."""
        return f"localhost:{self.certified_port}"

    @property
    def ca(self) -> Path:
        """The certificate of the authority that signed all others."""
        return self.folder / "ca.pem"

    def certificate(self, name: str) -> Path:
        """The certificate of the broker or of a client."""
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """The private key of a certificate."""
        return self.folder / f"{name}.key"

    @property
    def user_arguments(self) -> list[str]:
        """What the storage tool is told of the users."""
        words = []
        for user, password in self.passwords.items():
            words += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
        return words

    @classmethod
    def made(cls, folder: Path, port: int, certified_port: int) -> Secured:
        """An authority, a broker's certificate, a client's, and two users."""
        folder.mkdir(parents=True)
        passwords = {user: secrets.token_hex(16) for user in (ALLOWED, STRANGER)}
        made = cls(folder, port, certified_port, passwords)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests",
                "-keyout", made.key("ca"), "-out", made.ca)  # fmt: skip
        for name, subject in (("broker", "localhost"), ("client", ALLOWED)):
            made.sign(name, subject)
        store = made.key("broker").read_text() + made.certificate("broker").read_text()
        (folder / "store.pem").write_text(store)
        return made

    def sign(self, name: str, subject: str) -> None:
        """A key and its certificate, signed by the authority."""
        request, extra = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extra.write_text(f"subjectAltName=DNS:{subject}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}",
                "-keyout", self.key(name), "-out", request)  # fmt: skip
        openssl("x509", "-req", "-days", "2", "-in", request, "-CA", self.ca,
                "-CAkey", self.key("ca"), "-CAcreateserial", "-extfile", extra,
                "-out", self.certificate(name))  # fmt: skip


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def secure_properties(plain: Mapping[str, str | int], access: Secured) -> Mapping[str, str | int]:
    """The settings of a node with two more listeners, entered by password or by certificate."""
    listeners = (f"SCRAM://localhost:{access.port},"
                 f"CERTIFIED://localhost:{access.certified_port}")  # fmt: skip
    added: dict[str, str | int] = {}
    for name in ("scram", "certified"):
        added |= {
            f"listener.name.{name}.ssl.keystore.type": "PEM",
            f"listener.name.{name}.ssl.keystore.location": str(access.folder / "store.pem"),
            f"listener.name.{name}.ssl.truststore.type": "PEM",
            f"listener.name.{name}.ssl.truststore.location": str(access.ca),
        }
    return {
        **plain,
        **added,
        "listeners": f"{plain['listeners']},{listeners}",
        "advertised.listeners": f"{plain['advertised.listeners']},{listeners}",
        "listener.security.protocol.map": f"{plain['listener.security.protocol.map']},"
        "SCRAM:SASL_SSL,CERTIFIED:SSL",
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": SCRAM_LOGIN,
        "listener.name.certified.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # Whoever comes by the plain listener is the test itself, and may do anything.
        "super.users": "User:ANONYMOUS",
    }
