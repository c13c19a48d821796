"""Tokens: JWT, HS256, claims proj, user, groups, exp."""

import time

import jwt

from .service import secret

KEY = secret("jwt-key")


def issue(tenant, user, groups, seconds):
    return jwt.encode({"proj": tenant, "user": user, "groups": groups, "exp": int(time.time()) + seconds},
                      KEY, algorithm="HS256")


def read(header):
    """Claims of `Bearer <token>`, or none: missing, garbled, forged, expired and unsigned are all alike."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        claims = jwt.decode(token, KEY, algorithms=["HS256"],
                            options={"require": ["proj", "user", "groups", "exp"]})
    except jwt.InvalidTokenError:
        return None
    return claims
