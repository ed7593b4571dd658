"""Builds one token with the vendor's Python package.

In, one line: {"app_id", "certificate", "user_id": TEXT or null for an App token, "ttl": seconds}
Out, one line: {"token"}
"""

import json
import sys

from agoraiotools.ChatTokenBuilder2 import ChatTokenBuilder

ask = json.load(sys.stdin)
app = ask["app_id"], ask["certificate"]
if ask["user_id"] is None:
    token = ChatTokenBuilder.build_app_token(*app, ask["ttl"])
else:
    token = ChatTokenBuilder.build_user_token(*app, ask["user_id"], ask["ttl"])
print(json.dumps({"token": token}))
