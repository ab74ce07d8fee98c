"""Fetching an image from a URL that a client gave, without letting the client reach anything inside."""

import asyncio
import ipaddress
import socket
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpcore

from lab.reference.errors import ClientMistakeError, Rejection

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


async def fetch_image(url: str, *, timeout_seconds: float, max_bytes: int) -> bytes:
    """Fetch what the URL names; raises ClientMistakeError for everything that goes wrong.

    Only http and https, only addresses of the public internet (all that the name resolves to), no redirects. The
    connection is made to the address that was checked, so a name cannot change its meaning in between.
    """
    parts = _split(url)
    host = parts.hostname or ""
    try:
        async with asyncio.timeout(timeout_seconds):
            address = await _public_address(host, parts.port or _DEFAULT_PORTS[parts.scheme])
            return await _get(parts, address, max_bytes)
    except (TimeoutError, OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        raise ClientMistakeError(Rejection.BAD_URL, "image_url cannot be fetched") from error


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also when it is wrapped in an IPv6 address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            wrapped.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if any(inner is not None and not is_public(str(inner)) for inner in wrapped):
            return False
        if ip.ipv4_mapped is not None:
            return True
    return ip.is_global and not ip.is_multicast


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ClientMistakeError(Rejection.BAD_URL, "image_url is no URL") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        raise ClientMistakeError(Rejection.BAD_URL, "image_url must be an http or https URL")
    if parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        raise ClientMistakeError(Rejection.BAD_URL, "image_url must be plain ASCII without credentials")
    return parts


async def _public_address(host: str, port: int) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise ClientMistakeError(Rejection.BAD_URL, "image_url must name a host of the public internet")
    return addresses[0]


async def _get(parts: SplitResult, address: str, max_bytes: int) -> bytes:
    host = parts.hostname or ""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    url = httpcore.URL(
        scheme=parts.scheme, host=address, port=parts.port or _DEFAULT_PORTS[parts.scheme], target=target
    )
    named = host if parts.port is None else f"{host}:{parts.port}"
    headers: dict[bytes | str, bytes | str] = {
        "Host": named,
        "Accept": "image/png, image/jpeg",
        "Accept-Encoding": "identity",
    }
    async with (
        httpcore.AsyncConnectionPool() as pool,
        pool.stream("GET", url, headers=headers, extensions={"sni_hostname": host}) as answer,
    ):
        if answer.status != 200:
            message = f"image_url answered with HTTP status {answer.status}; redirects are not followed"
            raise ClientMistakeError(Rejection.BAD_URL, message)
        body = bytearray()
        async for chunk in answer.aiter_stream():
            body += chunk
            if len(body) > max_bytes:
                raise ClientMistakeError(Rejection.TOO_LARGE, f"the image has more than {max_bytes} bytes")
        return bytes(body)
