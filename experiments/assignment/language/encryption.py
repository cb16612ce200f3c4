"""Payloads that travel encrypted: AES-128-CBC, as `base64(iv).base64(ciphertext)`."""

import base64

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

BLOCK_BITS = 128


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
