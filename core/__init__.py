"""The kernel: what every domain needs and nothing about any of them."""
