"""Assignment over HTTP, side by side with Unleash and with the floor of the server."""
