"""The tests of the chat room: one without a server, one with a real one."""

import json

from channels.db import database_sync_to_async
from channels.testing import ChannelsLiveServerTestCase, WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client, TransactionTestCase
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mysite.asgi import application

from .models import Message


def log_in(name):
    """Make a user; return the header with the cookie of their session."""
    client = Client()
    client.force_login(User.objects.create_user(name))
    return f"sessionid={client.cookies['sessionid'].value}"


class ChatRoomTests(TransactionTestCase):
    """The consumer and what stands before it, in this process."""

    def ask(self, cookie=""):
        headers = [(b"origin", b"http://localhost"), (b"cookie", cookie.encode())]
        return WebsocketCommunicator(application, "/ws/chat/lobby/", headers)

    async def test_stranger_is_sent_away(self):
        communicator = self.ask()
        connected, _ = await communicator.connect()
        self.assertTrue(connected)
        output = await communicator.receive_output()
        self.assertEqual((output["type"], output["code"]), ("websocket.close", 4401))

    async def test_message_is_sent_and_kept(self):
        communicator = self.ask(await database_sync_to_async(log_in)("ada"))
        await communicator.connect()
        await communicator.send_json_to({"text": "hello"})
        said = await communicator.receive_json_from()
        await communicator.disconnect()
        self.assertEqual((said["from"], said["text"]), ("ada", "hello"))
        self.assertEqual(await Message.objects.acount(), 1)


class LiveTests(ChannelsLiveServerTestCase):
    """The whole, over a real socket: the server is daphne, in a process of its own."""

    def test_history_is_told(self):
        headers = {"Cookie": log_in("ada")}
        Message.objects.create(room="lobby", user=User.objects.get(), text="before you came")
        url = f"{self.live_server_ws_url}/ws/chat/lobby/"
        with connect(url, additional_headers=headers, origin=self.live_server_url) as ws:
            self.assertEqual(json.loads(ws.recv(timeout=10))["text"], "before you came")

    def test_other_site_is_refused(self):
        url = f"{self.live_server_ws_url}/ws/chat/lobby/"
        with (
            self.assertRaisesMessage(InvalidStatus, "HTTP 403"),
            connect(url, origin="http://other.example"),
        ):
            pass
