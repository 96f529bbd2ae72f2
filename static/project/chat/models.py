"""What was said."""

from django.conf import settings
from django.db import models


class Message(models.Model):
    room = models.SlugField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    text = models.TextField()

    def as_dict(self):
        return {"id": self.id, "from": self.user.username, "text": self.text}
