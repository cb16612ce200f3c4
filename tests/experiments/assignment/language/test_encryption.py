"""What an encrypted payload gives, and what a damaged one does not."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from experiments.assignment.sdk import decrypt

KEY = bytes(range(16))
VECTOR = bytes(range(100, 116))


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def encrypted(content: bytes, key: bytes = KEY) -> str:
    padder = PKCS7(128).padder()
    padded = padder.update(content) + padder.finalize()
    encryptor = Cipher(AES(key), CBC(VECTOR)).encryptor()
    return f"{text_of(VECTOR)}.{text_of(encryptor.update(padded))}"


@pytest.mark.parametrize(
    "text", ["", "a", '{"on": true}', "x" * 16, "Zoë 😀", "y" * 999]
)
def test_a_text_comes_back(text: str) -> None:
    assert decrypt(encrypted(text.encode()), text_of(KEY)) == text


@pytest.mark.parametrize(
    ("damaged", "key"),
    [
        pytest.param(encrypted(b"on"), text_of(bytes(16)), id="another key"),
        pytest.param(encrypted(b"on"), text_of(KEY[:15]), id="a short key"),
        pytest.param(encrypted(b"on"), text_of(KEY * 2), id="a long key"),
        pytest.param(encrypted(b"on"), "no base64!", id="no key"),
        pytest.param(encrypted(b"on"), "\ud800", id="a surrogate for a key"),
        pytest.param(encrypted(b"on")[3:], text_of(KEY), id="a short vector"),
        pytest.param(encrypted(b"on")[:-5], text_of(KEY), id="a cut body"),
        pytest.param(encrypted(b"\xff\xfe"), text_of(KEY), id="no text"),
        pytest.param("", text_of(KEY), id="nothing"),
        pytest.param(".", text_of(KEY), id="only the dot"),
        pytest.param(text_of(VECTOR) + ".", text_of(KEY), id="no body"),
        pytest.param("no dot at all", text_of(KEY), id="no dot"),
    ],
)
def test_what_is_damaged_gives_nothing(damaged: str, key: str) -> None:
    assert decrypt(damaged, key) is None
