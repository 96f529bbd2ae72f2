"""Fill the database of an exercise's project, and print the users' cookies.

Run in the project's folder. Ada is a member of *red*, Bob of *blue*, and Eve of nothing.

"""

from __future__ import annotations

import json

import django


def prepare() -> dict[str, str]:
    """Make tables, users, groups and messages; return a cookie for each user."""
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    from django.test import Client

    from chat.models import Message  # type: ignore[import-not-found] # it is the project's

    call_command("migrate", verbosity=0)
    cookies = {}
    for name, room in (("ada", "red"), ("bob", "blue"), ("eve", "")):
        # A password takes its time; only Ada logs in by hand.
        user = User.objects.create_user(name, password="secret" if name == "ada" else None)
        if room:
            user.groups.add(Group.objects.get_or_create(name=room)[0])
        client = Client()
        client.force_login(user)
        cookies[name] = f"sessionid={client.cookies['sessionid'].value}"
    ada = User.objects.get(username="ada")
    Message.objects.create(room="red", user=ada, text="among us")
    for number in range(1, 61):
        Message.objects.create(room="long", user=ada, text=f"long {number}")
        if number % 10 == 0:
            Message.objects.create(room="other", user=ada, text=f"other {number}")
    return cookies


if __name__ == "__main__":
    django.setup()
    print(json.dumps(prepare()))
