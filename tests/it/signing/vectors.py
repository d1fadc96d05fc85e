"""Signs random requests as Sinch documents it, with nothing but Python's standard library.

    python3 vectors.py SEED COUNT

Prints a JSON object a line: what is signed, and the value of the header `Authorization`.
"""

import base64
import hashlib
import hmac
import json
import random
import string
import sys
import urllib.parse

TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
KEY = [chr(byte) for byte in range(0x21, 0x7F) if chr(byte) != ":"]


def text_of(alphabet, least, most):
    return "".join(random.choices(alphabet, k=random.randint(least, most)))


def path():
    """Mostly as addresses have it; escapes are sound, broken or of what is no UTF-8."""
    pieces = []
    for _ in range(random.randint(0, 12)):
        pieces.append(random.choice([
            "/",
            text_of(string.ascii_letters + string.digits + "-._~+!$&'()*,;=:@", 1, 8),
            "%{:02x}".format(random.randrange(256)),
            "%{:02X}".format(random.randrange(256)),
            random.choice(["%", "%%", "%4", "%zz", "%4g", "%g4", "%+1"]),
            random.choice(["é", "漢字", "😀", "\u00a0"]),
            random.choice(["?", "?q=%41", "?a=b?c", "#"]) if random.random() < 0.3 else "/",
        ]))
    return random.choice(["", "/"]) + "".join(pieces)


def content_type():
    allowed = [0x09] + list(range(0x20, 0x7F)) + list(range(0x80, 0x100))
    return random.choice([
        None,
        b"",
        b"application/json",
        b"application/json; charset=UTF-8",
        bytes(random.choices(allowed, k=random.randint(1, 40))),
    ])


def timestamp():
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z".format(
        random.randint(1970, 9999), random.randint(1, 12), random.randint(1, 28), random.randint(0, 23),
        random.randint(0, 59), random.randint(0, 59), random.choice(["", ".{:03}".format(random.randrange(1000))]))


def encoded(secret):
    encode = random.choice([base64.standard_b64encode, base64.urlsafe_b64encode])
    padded = encode(secret).decode()
    return random.choice([padded, padded.rstrip("=")])


def signature(secret, method, path, content_type, timestamp, body):
    content_md5 = base64.b64encode(hashlib.md5(body).digest()) if body else b""
    string_to_sign = b"\n".join([
        method.encode(),
        content_md5,
        content_type or b"",
        b"x-timestamp:" + timestamp.encode(),
        urllib.parse.unquote_to_bytes(path.split("?")[0]),
    ])
    return base64.b64encode(hmac.new(secret, string_to_sign, hashlib.sha256).digest()).decode()


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    for _ in range(count):
        key, secret = text_of(KEY, 1, 40), random.randbytes(random.choice([16, random.randint(1, 150)]))
        request = {
            "method": random.choice(["GET", "POST", "PUT", "PATCH", "DELETE", text_of(TOKEN, 1, 12)]),
            "path": path(),
            "content_type": content_type(),
            "timestamp": timestamp(),
            "body": random.randbytes(random.choice([0, 1, random.randint(0, 3000)])),
        }
        authorization = "Application {}:{}".format(key, signature(secret, **request))
        for field in ["content_type", "body"]:
            if request[field] is not None:
                request[field] = base64.b64encode(request[field]).decode()
        print(json.dumps({"key": key, "secret": encoded(secret), "authorization": authorization, **request}))


main()
