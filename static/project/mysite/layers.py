"""The channel layer: Valkey where VALKEY_URL says that there is one."""

import os

CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

if url := os.environ.get("VALKEY_URL"):
    CHANNEL_LAYERS["default"] = {
        "BACKEND": os.environ.get("LAYER", "channels_redis.pubsub.RedisPubSubChannelLayer"),
        # Without the None, redis-py 8 ends a consumer that hears nothing for five seconds.
        "CONFIG": {"hosts": [{"address": url, "socket_timeout": None}]},
    }
