"""The chat room."""

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from .models import Message


class ChatRoom(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.user = self.scope["user"]
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.group = f"chat_{self.room}"
        if not self.user.is_authenticated:
            await self.accept()
            await self.close(code=4401, reason="log in first")
            return
        await self.channel_layer.group_add(self.group, self.channel_name)
        latest = Message.objects.filter(room=self.room).select_related("user").order_by("-id")
        history = [message.as_dict() async for message in latest[:50]]
        await self.accept()
        for message in reversed(history):
            await self.send_json(message)

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content):
        text = content["text"]
        message = await Message.objects.acreate(room=self.room, user=self.user, text=text)
        event = {"type": "chat.message", "message": message.as_dict()}
        await self.channel_layer.group_send(self.group, event)

    async def chat_message(self, event):
        await self.send_json(event["message"])
