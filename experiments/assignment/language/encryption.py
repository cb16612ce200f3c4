"""Payloads that travel encrypted: AES-128-CBC, as `base64(iv).base64(ciphertext)`."""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

BLOCK_BITS = 128
_BLOCK_BYTES = BLOCK_BITS // 8
_LABEL = b"hone payload vector\0"


def encrypt(content: bytes, key: str, *, place: str) -> str:
    """What `decrypt` reads with the same key.

    The vector is a pseudo-random function of the key, of the content and of the place
    where it stands, so it repeats only where all of that is the same, and nobody who
    lacks the key can tell it beforehand. So every process writes the same.
    """
    secret = base64.b64decode(key, validate=True)
    told = b"%b%b\0%b" % (_LABEL, place.encode(), content)
    vector = hmac.digest(secret, told, hashlib.sha256)[:_BLOCK_BYTES]
    padder = PKCS7(BLOCK_BITS).padder()
    encryptor = Cipher(AES128(secret), CBC(vector)).encryptor()
    body = encryptor.update(padder.update(content) + padder.finalize())
    return ".".join(base64.b64encode(each).decode() for each in (vector, body))


def decrypt(encrypted: str, key: str) -> str | None:
    """The text, or None where the key is another's or a part is damaged."""
    vector, _, body = encrypted.partition(".")
    try:
        cipher = Cipher(
            AES128(base64.b64decode(key, validate=True)),
            CBC(base64.b64decode(vector, validate=True)),
        ).decryptor()
        padded = cipher.update(base64.b64decode(body, validate=True))
        unpadder = PKCS7(BLOCK_BITS).unpadder()
        padded += cipher.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:
        return None
