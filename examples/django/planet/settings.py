"""Settings, as far as the environment does not name them.

DATABASE   path of the SQLite file (needed; planet.seed fills it)
SECRET_KEY signs the session cookie; random at each start if not set
DELAY_MS   milliseconds that the three queries of a page take together
GATE_URL   a URL that each query asks before it goes on; for tests
"""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

HERE = Path(__file__).resolve().parent

if not os.environ.get("DATABASE"):
    raise ImproperlyConfigured("DATABASE must name the SQLite file; run.sh makes one")

SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe(32)
DELAY_MS = float(os.environ.get("DELAY_MS") or 1200)
GATE_URL = os.environ.get("GATE_URL", "")

DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ROOT_URLCONF = "planet.urls"
INSTALLED_APPS = ["planet"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# The session is the signed cookie itself: no table, and no cookie before login.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"],
        },
    },
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["DATABASE"],
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
TIME_ZONE = "UTC"
# With DEBUG off, Django by default only mails its errors.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {
        "django": {"handlers": ["console"], "level": "ERROR", "propagate": False},
    },
}
