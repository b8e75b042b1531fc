"""Streaming that reaches the visitor part by part, on WSGI and on ASGI."""

from typing import Any, AsyncIterator

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import StreamingHttpResponse


class PartsResponse(StreamingHttpResponse):
    """A response whose parts come from an ordinary (sync) iterator.

    WSGI servers iterate over it as they always do. An ASGI handler that knows
    `async for` (Django 4.2, or PartsHandler) gets each part as soon as it is
    made, in a worker thread, where the ORM may be used.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self)
        while (part := await sync_to_async(next)(parts, None)) is not None:
            yield part


class PartsHandler(ASGIHandler):
    """Teaches Django 3.2 what PartsResponse needs from an ASGI handler.

    Stock Django 3.2 runs the iterator on the event loop, where the ORM refuses
    to work and any other wait stops the whole server. It also runs the sync
    code of all requests in one thread, so that a slow page holds up the others.
    """

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        async with ThreadSensitiveContext():
            await super().__call__(scope, receive, send)

    async def send_response(self, response: Any, send: Any) -> None:
        async def send_with_parts(message: dict) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                # Django, which comes next, finds the iterator used up.
                async for part in response:
                    body = {"type": "http.response.body", "body": part}
                    await send({**body, "more_body": True})

        in_parts = isinstance(response, PartsResponse)
        await super().send_response(response, send_with_parts if in_parts else send)
