"""The pages: logging in and out, and a page for each room."""

from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

from chat import views

urlpatterns = [
    path("accounts/", include("django.contrib.auth.urls")),
    path("rooms/<slug:room>/", views.room),
    *staticfiles_urlpatterns(),  # with DEBUG only; nginx does it later
]
