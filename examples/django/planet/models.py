from django.db import models
from django.urls import reverse


class Feed(models.Model):
    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=80)
    author = models.CharField(max_length=80)
    about = models.CharField(max_length=200)

    def get_absolute_url(self) -> str:
        return reverse("feed", args=[self.slug])


class Entry(models.Model):
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE)
    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=120)
    summary = models.TextField()
    published = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-published"]

    def get_absolute_url(self) -> str:
        return reverse("entry", args=[self.slug])
