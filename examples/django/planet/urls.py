from django.urls import path

from . import assets, login, views

urlpatterns = [
    path("", views.index, name="index"),
    path("streamed/", views.streamed, name="streamed"),
    path("feeds/<slug:slug>/", views.feed, name="feed"),
    path("entries/<slug:slug>/", views.entry, name="entry"),
    path("login/", login.login, name="login"),
    path("logout/", login.logout, name="logout"),
    path("static/<path:path>", assets.asset),
]
