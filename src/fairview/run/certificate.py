"""The node's own HTTPS certificate, for first runs on any address but loopback (decision 19)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fairview.core.time import US_PER_DAY, Instant
from fairview.store.durable import replace_file

CHAIN_FILE = "certificate.pem"
VALID_DAYS = 397
"""Browsers refuse longer ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Files for the server, and the fingerprint a person compares (SHA-256, colon-separated)."""

    chain: Path
    private_key: Path
    fingerprint: str


def own_certificate(folder: Path, hosts: tuple[str, ...], now: Instant) -> Certificate:
    """The certificate kept in `folder`, made anew when missing, near its end or for other hosts.

    hosts: names and addresses people type; localhost is always among them.
    """
    chain, private_key = folder / CHAIN_FILE, folder / "certificate.key"
    wanted = tuple(sorted({"localhost", "127.0.0.1", *hosts}))
    if chain.exists() and private_key.exists():
        kept = x509.load_pem_x509_certificate(chain.read_bytes())
        ends = kept.not_valid_after_utc.timestamp() * 1_000_000
        if ends - now.us > 30 * US_PER_DAY and _hosts_of(kept) == wanted:
            return Certificate(chain=chain, private_key=private_key, fingerprint=_print_of(kept))
    key = ec.generate_private_key(ec.SECP256R1())
    made = _signed(key, wanted, now)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    replace_file(private_key, pem, mode=0o600)
    replace_file(chain, made.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return Certificate(chain=chain, private_key=private_key, fingerprint=_print_of(made))


def _signed(
    key: ec.EllipticCurvePrivateKey, hosts: tuple[str, ...], now: Instant
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fairview node")])
    begins = now.datetime_utc()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins - timedelta(days=1))
        .not_valid_after(begins + timedelta(days=VALID_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    return tuple(sorted({*addresses, *names.get_values_for_type(x509.DNSName)}))


def _print_of(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
