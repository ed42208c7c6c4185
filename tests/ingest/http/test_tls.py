"""Cameras over https: certificates are checked, or given in advance."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fairview.core.errors import BadInput, NotAllowed, Unavailable
from fairview.ingest.address import AddressRules
from tests.ingest.http.serving import camera, source_of
from tests.ingest.http.test_source import PICTURES, play_parts, told


def certificate(folder: Path, *names: x509.GeneralName) -> tuple[Path, ssl.SSLContext]:
    """A camera's own certificate as PEM, and the TLS it speaks with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "camera.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return pem, context


HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
OTHER = x509.DNSName("factory-default.invalid")


@pytest.mark.parametrize("name", [HERE, OTHER])
def test_a_certificate_that_was_given_is_trusted_whatever_it_names(
    tmp_path: Path, name: x509.GeneralName
) -> None:
    pem, context = certificate(tmp_path, name)
    rules = AddressRules(allow_loopback=True, certificates=pem)
    with camera(play_parts, tls=context) as served:
        source = source_of(served.address(scheme="https"), rules=rules)
        packets = source.packets()
        assert next(packets).data == PICTURES[0]
        source.close()
        list(packets)


def test_an_unknown_certificate_is_refused_before_anything_is_said(tmp_path: Path) -> None:
    _, context = certificate(tmp_path, HERE)
    with camera(play_parts, tls=context) as served:
        error = told(served.address(scheme="https"))
        assert isinstance(error, NotAllowed)
        assert "cameras.certificates" in str(error)
        assert served.heard == []


def test_another_cameras_certificate_does_not_help(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _, context = certificate(tmp_path / "a", OTHER)
    pem, _ = certificate(tmp_path / "b", OTHER)
    with camera(play_parts, tls=context) as served:
        rules = AddressRules(allow_loopback=True, certificates=pem)
        assert isinstance(told(served.address(scheme="https"), rules=rules), NotAllowed)
        assert served.heard == []


def test_a_server_without_tls_and_a_file_that_is_none_are_told(tmp_path: Path) -> None:
    with camera(play_parts) as served:
        error = told(served.address(scheme="https"))
        assert isinstance(error, Unavailable)
        assert "does not speak TLS" in str(error)
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    rules = AddressRules(allow_loopback=True, certificates=bad)
    assert isinstance(told("https://127.0.0.1:9/x", rules=rules), BadInput)
