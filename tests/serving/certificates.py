"""Certificates that vouch for themselves, for servers and clients on this machine."""

import datetime
import ipaddress

import pytest

x509 = pytest.importorskip("cryptography.x509")


def make_certificate(folder, name="test", issuer=None):
    """Certificate and key of 127.0.0.1 as files in the folder.

    Args:
      folder: Where they are written.
      name: Of its owner, and of the files.
      issuer: Certificate and key, as made here, that vouch for it; None = it vouches for itself.
    """
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def named(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    key = ec.generate_private_key(ec.SECP256R1())
    signing = key
    if issuer is not None:
        signing = serialization.load_pem_private_key(issuer[1].read_bytes(), None)
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(name if issuer is None else issuer[0].stem))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(signing, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return files
