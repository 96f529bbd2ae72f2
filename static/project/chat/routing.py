"""Which path leads to which consumer."""

from django.urls import path

from .consumers import ChatRoom

websocket_urlpatterns = [path("ws/chat/<slug:room>/", ChatRoom.as_asgi())]
