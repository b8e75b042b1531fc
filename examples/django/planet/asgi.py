import os

import django
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "planet.settings")
application = get_asgi_application()

if django.VERSION < (4, 2):
    from .streaming import PartsHandler

    application = PartsHandler()
