"""The slow part of the site: a database that takes its time.

Every query first waits, so the views and templates stay ordinary Django. Each
page makes three queries. With GATE_URL set, a query also asks that URL and goes
on when it has answered: a test can hold a page for as long as it likes.
"""

import time
from typing import Any, Callable
from urllib.request import urlopen

from django.conf import settings

QUERIES_PER_PAGE = 3
GATE_TIMEOUT = 60  # seconds


def slow_down(connection: Any, **_: Any) -> None:
    """Make every query of a new database connection slow."""
    if wait not in connection.execute_wrappers:
        connection.execute_wrappers.append(wait)


def wait(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
    time.sleep(settings.DELAY_MS / QUERIES_PER_PAGE / 1000)
    if settings.GATE_URL:
        urlopen(settings.GATE_URL, timeout=GATE_TIMEOUT).close()
    return execute(sql, params, many, context)
