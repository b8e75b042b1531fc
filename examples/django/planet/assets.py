"""Static files: one stylesheet made in memory, the others from static/."""

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.views.static import serve

from . import stylesheet

FILES = Path(__file__).parent / "static"
STYLESHEET = stylesheet.build()


def asset(request: HttpRequest, path: str) -> HttpResponse:
    if path == "planet.css":
        response = HttpResponse(STYLESHEET, content_type="text/css; charset=utf-8")
    else:
        response = serve(request, path, document_root=FILES)
    patch_cache_control(response, public=True, max_age=3600)
    return response
