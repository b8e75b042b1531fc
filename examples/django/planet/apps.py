from django.apps import AppConfig
from django.db.backends.signals import connection_created

from . import slow


class PlanetConfig(AppConfig):
    name = "planet"

    def ready(self) -> None:
        connection_created.connect(slow.slow_down)
