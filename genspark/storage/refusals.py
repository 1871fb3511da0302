"""What a store says when it refuses: its own words on one line, and what is to be done about them."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import parse_qs

from genspark.storage import access
from genspark.storage.object_stores import REMEDY, object_store, one_line, scheme_of

_REMEDIES = {
    r"ExpiredToken|TokenRefreshRequired|RequestExpired": "these credentials are too old: get new ones",
    r"AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraint|IncorrectEndpoint": (
        "name the bucket's own region, by AWS_REGION or storage.s3.region"
    ),
    r"NoSuchBucket|ContainerNotFound|no bucket named": "check the bucket's name and the endpoint, or make the bucket",
}
_UNTOLD = re.compile(r"No response body")
"""What PyArrow has of a refusal to a HEAD, whose answers have no body."""
_FROM_AFAR = re.compile(
    r"HTTP status (?!404)|non-2xx status code: (?!404)|the store answers|NETWORK_CONNECTION|curlCode|Error performing"
    r"|timed? ?out|[Cc]onnection (?:refused|reset|closed)|AccessControlException"
)


def refusal(error: object, uri: str) -> str:
    """An error of a store on one line, with what to do about it.

    Where the store could not say why, it is asked once more in a way that lets it.
    """
    text = one_line(error)
    if _UNTOLD.search(text):
        text = why_not_listed(uri) or text
    return f"{text}; {_remedy(text, uri)}"


def is_refusal(failure: str) -> bool:
    """Whether a failure to read tells of a store that refuses or is gone."""
    return bool(_FROM_AFAR.search(failure))


def why_not_listed(uri: str) -> str | None:
    """What an object store answers who lists a folder there; None where it lists it, or where it is none."""
    import obstore
    from obstore.exceptions import BaseError

    try:
        store, key = object_store(uri)
        next(iter(obstore.list(store, key or None, chunk_size=1)), None)
    except (BaseError, OSError) as error:
        return one_line(error)
    except ValueError:
        return None
    return None


def why_nothing(uri: str) -> str | None:
    """The reason why nothing is found at a URI, and what to do, where the bucket is at fault; None where it is not."""
    text = why_not_listed(uri)
    return f"{text}; {_remedy(text, uri)}" if text else None


def _remedy(text: str, uri: str) -> str:
    if scheme_of(uri) in ("abfs", "abfss") and (ended := _sas_ended()):
        return f"storage.azure.sas_token ended at {ended:%Y-%m-%dT%H:%M:%SZ}: get a new one"
    return next((remedy for codes, remedy in _REMEDIES.items() if re.search(codes, text)), REMEDY)


def _sas_ended() -> dt.datetime | None:
    """The end of the shared access signature in use, where that is past; Azure itself says only that it refuses."""
    azure = access.current().azure
    if azure.account_key or not azure.sas_token:
        return None
    try:
        end = dt.datetime.fromisoformat(parse_qs(azure.sas_token.removeprefix("?"))["se"][0])
    except (KeyError, ValueError):
        return None
    end = end if end.tzinfo else end.replace(tzinfo=dt.UTC)
    return end if end < dt.datetime.now(dt.UTC) else None
