from __future__ import annotations

import base64
import html
import json
import pickle
from urllib.parse import quote, quote_plus

import pytest

from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets

SECRET = 'p&ss/w0rd+"ä" <x>'

FORMS = {
    "as it is": SECRET,
    "in a URL": quote(SECRET, safe=""),
    "in a path": quote(SECRET),
    "in a form": quote_plus(SECRET),
    "in a URL, lower case": quote(SECRET, safe="").replace("%2F", "%2f").replace("%C3", "%c3"),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in JSON with umlauts": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "in HTML": html.escape(SECRET),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "in base64, one byte later": base64.b64encode(f"a{SECRET}b".encode()).decode(),
    "in base64, two bytes later": base64.b64encode(f"ab{SECRET}c".encode()).decode(),
    "as basic credentials": "Basic " + base64.b64encode(f"operator:{SECRET}".encode()).decode(),
    "in URL-safe base64": base64.urlsafe_b64encode(f"xyz:{SECRET}".encode()).decode(),
}


@pytest.mark.parametrize("form", list(FORMS.values()), ids=list(FORMS))
def test_a_secret_is_masked_in_each_form(form: str) -> None:
    masked = Secrets([SECRET]).mask(f"before {form} after")
    assert "***" in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    # At the ends of base64 a few characters depend on the neighbours and stay; they tell next to nothing.
    assert not any(form[start : start + 6] in masked for start in range(4, len(form) - 10))


def test_the_longer_secret_wins() -> None:
    assert Secrets(["abcd", "abcdefgh"]).mask("x abcdefgh abcd") == "x *** ***"


@pytest.mark.parametrize("value", [None, "", "abc"])
def test_what_is_too_short_is_no_secret(value: str | None) -> None:
    secrets = Secrets()
    secrets.add(value)
    assert secrets.mask("abc and nothing") == "abc and nothing"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("redis://:hunter22@localhost:6379/0", "redis://***@localhost:6379/0"),
        ("at postgresql://app:p@ss:w@db:5432/x, no", "at postgresql://***@db:5432/x, no"),
        ("http://host/path?mail=a@b", "http://host/path?mail=a@b"),
        ("mail to someone@example.com", "mail to someone@example.com"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
        ("Basic authentication is needed", "Basic authentication is needed"),
    ],
)
def test_credentials_are_masked_whoever_they_belong_to(text: str, masked: str) -> None:
    assert Secrets().mask(text) == masked


def test_the_password_of_a_url_is_a_secret_elsewhere_too() -> None:
    secrets = Secrets()
    for url in (None, "", "http://[broken", "redis://localhost", "redis://user:hunt%2Fer22@localhost"):
        secrets.add_url(url)
    assert secrets.mask("hunt/er22, hunt%2Fer22") == "***, ***"


def test_the_registry_does_not_show_what_it_knows() -> None:
    assert SECRET not in repr(Secrets([SECRET]))


def test_could_not_observe_survives_pickling() -> None:
    trouble = CouldNotObserve(
        Trouble.REFUSED, asked="GET http://x/", came_back="nothing listens there", hint="Start it."
    )
    assert trouble.sentence == str(trouble) == "GET http://x/: nothing listens there. Start it."
    again = pickle.loads(pickle.dumps(trouble))  # noqa: S301 - our own bytes
    assert (again.trouble, again.sentence, again.hint) == (trouble.trouble, trouble.sentence, trouble.hint)
