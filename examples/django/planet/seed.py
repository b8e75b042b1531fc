"""Make the tables and fill them: python3 -m planet.seed."""

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import django
from django.core.management import call_command
from django.utils.text import slugify

FEEDS = Path(__file__).parent / "feeds.json"  # entries newest first
NEWEST = datetime(2025, 9, 1, 8, 30, tzinfo=timezone.utc)

SUMMARY = (
    "{title}: that is this week in short. The long story starts on a Monday, as "
    "such stories do, and it needs a cup of tea. There are pictures further "
    "down, one correction to the last entry, and a question for all of you who "
    "know more about it than I do. – {author}"
)


def seed() -> None:
    from .models import Entry, Feed  # once django.setup() has run

    feeds = json.loads(FEEDS.read_text(encoding="utf-8"))
    for number, fields in enumerate(feeds):
        titles = fields.pop("entries")
        feed = Feed.objects.create(slug=slugify(fields["title"]), **fields)
        Entry.objects.bulk_create(
            Entry(
                feed=feed,
                slug=slugify(title),
                title=title,
                summary=SUMMARY.format(title=title, author=feed.author),
                published=NEWEST - timedelta(days=3 * age, hours=7 * number),
            )
            for age, title in enumerate(titles)
        )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "planet.settings")
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    seed()
