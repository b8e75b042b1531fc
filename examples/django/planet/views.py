"""The pages, and one of them a second time, cut by hand into parts."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string

from .models import Entry, Feed
from .streaming import PartsResponse

ENTRIES_ON_INDEX = 64

# The index in the order in which it is written. Only the first two parts can be
# rendered without the database.
STREAMED_PARTS = [
    "streamed/head.html",
    "streamed/masthead.html",
    "streamed/entries.html",
    "streamed/sidebar.html",
    "streamed/foot.html",
]


def index(request: HttpRequest) -> HttpResponse:
    return render(request, "index.html", latest())


def streamed(request: HttpRequest) -> HttpResponse:
    # The header goes out before the templates run. Whatever they do to it must
    # be done here: reading the session adds Vary: Cookie.
    request.session.get("name")
    context = latest()
    return PartsResponse(
        render_to_string(name, context, request) for name in STREAMED_PARTS
    )


def feed(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Feed, slug=slug)
    entries = found.entry_set.select_related("feed")
    context = {"feed": found, "entries": entries, "feeds": feeds()}
    return render(request, "feed.html", context)


def entry(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Entry.objects.select_related("feed"), slug=slug)
    others = Entry.objects.filter(feed=found.feed).exclude(pk=found.pk)
    context = {"entry": found, "others": others, "feeds": feeds()}
    return render(request, "entry.html", context)


def latest() -> dict[str, Any]:
    """What the index shows. Each query runs when a template first needs it."""
    entries = Entry.objects.select_related("feed")
    return {
        "entries": entries[:ENTRIES_ON_INDEX],
        "first_words": Entry.objects.order_by("published").select_related("feed")[:5],
        "feeds": feeds(),
    }


def feeds() -> Any:
    return Feed.objects.annotate(size=Count("entry")).order_by("title")
