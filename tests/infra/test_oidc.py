"""Tokens of an identity provider: which are taken, by which of its keys, and how often it is asked for them."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from infra import oidc
from infra.oidc import Over, Provider, Unanswered
from tests.infra.provider import AUDIENCE, IdentityProvider, a_key, identity_provider
from tests.infra.test_budget import Clock


@pytest.fixture
def idp() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000)


@pytest.fixture
def provider(idp: IdentityProvider, clock: Clock) -> Provider:
    return Provider(idp.issuer, AUDIENCE, clock)


def coded(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


# -- what is taken -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("RSA", "RS256"), ("RSA", "PS384"), ("RSA", "RS512"), ("EC", "ES256"), ("OKP", "Ed25519"), ("OKP", "EdDSA")],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # and providers go on signing by this name
def test_what_the_provider_signed_for_us_is_taken(
    idp: IdentityProvider, provider: Provider, kind: str, algorithm: str
) -> None:
    idp.keys = [a_key("one", kind), a_key("other", kind)]

    claims = provider.claims(idp.token(algorithm=algorithm, email="ada@engines.org"))

    assert claims is not None
    assert (claims["sub"], claims["email"]) == ("ada", "ada@engines.org")


def test_one_of_several_for_whom_it_is_is_enough(idp: IdentityProvider, provider: Provider) -> None:
    assert provider.claims(idp.token(aud=["others", AUDIENCE]))


def test_clocks_may_differ_by_a_minute(idp: IdentityProvider, provider: Provider) -> None:
    now = int(time.time())

    assert provider.claims(idp.token(exp=now - 30, nbf=now + 30, iat=now + 30))


def test_where_there_is_one_key_a_token_need_not_name_it(idp: IdentityProvider, provider: Provider) -> None:
    assert provider.claims(idp.token(header={"kid": None}))


def test_a_slash_at_the_end_of_the_issuer_is_as_the_provider_has_it(idp: IdentityProvider, provider: Provider) -> None:
    idp.calls_itself = f"{idp.issuer}/"

    assert provider.claims(idp.token(iss=f"{idp.issuer}/"))
    assert provider.claims(idp.token()) is None


# -- what is not ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "others"},
        {"aud": ["others", "more"]},
        {"aud": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": 7},
    ],
)
def test_what_is_not_said_as_it_must_be_is_not_taken(
    idp: IdentityProvider, provider: Provider, claims: dict[str, Any]
) -> None:
    assert provider.claims(idp.token(**claims)) is None
    assert provider.claims(idp.token())


def test_what_has_expired_is_told_from_what_was_never_good(idp: IdentityProvider, provider: Provider) -> None:
    with pytest.raises(Over):
        provider.claims(idp.token(exp=int(time.time()) - 120))


def test_what_nobody_signed_is_not_taken(idp: IdentityProvider, provider: Provider) -> None:
    head, body, signature = idp.token().split(".")
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        unsigned = coded({"alg": algorithm, "kid": "first", "typ": "JWT"})
        assert provider.claims(f"{unsigned}.{body}.") is None
        assert provider.claims(f"{unsigned}.{body}.{signature}") is None
    assert provider.claims(f"{head}.{body}.") is None
    assert provider.claims(f"{head}.{body}") is None


def test_what_is_signed_with_the_public_key_as_a_secret_is_not_taken(idp: IdentityProvider, provider: Provider) -> None:
    key = idp.keys[0]
    assert isinstance(key, RSAKey)
    claims = {"iss": idp.issuer, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 600}
    body = f"{coded({'alg': 'HS256', 'kid': 'first'})}.{coded(claims)}"
    secrets = key.as_pem(private=False), key.as_der(private=False), json.dumps(key.as_dict(private=False)).encode()

    for secret in secrets:
        forged = f"{body}.{coded(hmac.digest(secret, body.encode(), 'sha256'))}"
        assert provider.claims(forged) is None


def test_a_secret_among_the_keys_is_no_key(idp: IdentityProvider, provider: Provider) -> None:
    shared = a_key("shared", "oct")
    idp.extra = [shared.as_dict(private=True)]

    assert provider.claims(idp.token(shared, "HS256")) is None
    assert provider.claims(idp.token())


def test_a_key_that_only_encrypts_signs_nothing(idp: IdentityProvider, provider: Provider) -> None:
    encrypts = a_key("encrypts")
    idp.extra = [{**encrypts.as_dict(private=False), "use": "enc"}]

    assert provider.claims(idp.token(encrypts)) is None


def test_a_key_is_used_as_it_says_and_in_no_other_way(idp: IdentityProvider, provider: Provider) -> None:
    bound = a_key("bound")
    idp.extra = [{**bound.as_dict(private=False), "use": "sig", "alg": "PS256"}]

    assert provider.claims(idp.token(bound, "PS256"))
    assert provider.claims(idp.token(bound, "RS256")) is None


@pytest.mark.parametrize(
    "header",
    [{"typ": "logout+jwt"}, {"typ": "dpop+jwt"}, {"typ": 7}, {"crit": ["exp"]}, {"alg": ["RS256"]}, {"alg": None}],
)
def test_what_is_a_token_of_another_kind_is_not_taken(
    idp: IdentityProvider, provider: Provider, header: dict[str, Any]
) -> None:
    _, body, signature = idp.token().split(".")
    head = {name: value for name, value in ({"alg": "RS256", "kid": "first"} | header).items() if value is not None}

    assert provider.claims(f"{coded(head)}.{body}.{signature}") is None


def test_what_was_changed_on_the_way_is_not_taken(idp: IdentityProvider, provider: Provider) -> None:
    head, body, signature = idp.token().split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))

    assert provider.claims(f"{head}.{coded(said | {'sub': 'eve'})}.{signature}") is None
    assert provider.claims(f"{head}.{body}.{signature[:-8]}AAAAAAAA") is None


@pytest.mark.parametrize(
    "junk",
    ["", "x", "..", "a.b.c", "a.b.c.d.e", "\ud800.b.c", "ÿ.ÿ.ÿ", f"{'[' * 9000}.b.c", coded(b"[" * 9000) + ".b.c",
     coded([]) + ".b.c", coded({"alg": "RS256"}) + ".b.c", "x" * 1_000_000],
)  # fmt: skip
def test_what_is_no_token_at_all_is_not_taken(provider: Provider, junk: str) -> None:
    assert provider.claims(junk) is None


def test_the_keys_of_another_provider_are_not_taken(idp: IdentityProvider, provider: Provider) -> None:
    idp.calls_itself = "https://evil.example"

    with pytest.raises(Unanswered):
        provider.claims(idp.token())


# -- when the provider is asked --------------------------------------------------------------------------


def test_keys_are_asked_for_when_they_are_needed_and_kept(idp: IdentityProvider, provider: Provider) -> None:
    assert idp.asked == 0

    for _ in range(20):
        assert provider.claims(idp.token())

    assert idp.asked == 1


def test_a_new_key_is_asked_for_when_a_token_names_it_and_an_old_one_ends(
    idp: IdentityProvider, provider: Provider, clock: Clock
) -> None:
    old = idp.keys[0]
    assert provider.claims(idp.token())
    clock.now += oidc.PAUSE
    idp.keys = [a_key("second")]

    assert provider.claims(idp.token())

    assert idp.asked == 2
    assert provider.claims(idp.token(old)) is None


def test_whatever_keys_tokens_name_the_provider_is_asked_once_in_a_while(
    idp: IdentityProvider, provider: Provider, clock: Clock
) -> None:
    assert provider.claims(idp.token())
    clock.now += oidc.PAUSE

    for number in range(50):
        assert provider.claims(idp.token(a_key_named(idp, f"unknown {number}"))) is None

    assert idp.asked == 2


def a_key_named(idp: IdentityProvider, kid: str) -> RSAKey:
    key = idp.keys[0]
    return RSAKey.import_key({**key.as_dict(private=True), "kid": kid})


def test_keys_are_asked_for_again_after_an_hour(idp: IdentityProvider, provider: Provider, clock: Clock) -> None:
    assert provider.claims(idp.token())

    clock.now += oidc.FRESH
    assert provider.claims(idp.token())

    assert idp.asked == 2


def test_while_the_provider_is_down_its_keys_are_gone_on_with_for_a_day(
    idp: IdentityProvider, provider: Provider, clock: Clock
) -> None:
    assert provider.claims(idp.token())
    idp.answers = False

    clock.now += oidc.FRESH + 1
    assert provider.claims(idp.token())
    clock.now += oidc.STALE
    with pytest.raises(Unanswered):
        provider.claims(idp.token())

    idp.answers = True
    clock.now += oidc.PAUSE
    assert provider.claims(idp.token())


def test_a_key_that_is_not_known_may_be_new_while_the_provider_is_down(
    idp: IdentityProvider, provider: Provider, clock: Clock
) -> None:
    assert provider.claims(idp.token())
    idp.answers = False
    clock.now += oidc.PAUSE

    with pytest.raises(Unanswered):
        provider.claims(idp.token(a_key("new")))


def test_a_provider_that_is_not_there_is_said_to_be_so() -> None:
    nowhere = Provider("http://127.0.0.1:9", AUDIENCE)
    with identity_provider() as idp, pytest.raises(Unanswered, match="does not answer"):
        nowhere.claims(idp.token())


@pytest.mark.parametrize("keys", [None, {}, [], [7], [{"kty": "RSA"}], [{"kty": "new"}]])
def test_a_provider_that_lists_no_keys_tells_none(
    idp: IdentityProvider, provider: Provider, monkeypatch: pytest.MonkeyPatch, keys: Any
) -> None:
    token, document = idp.token(), idp.document
    monkeypatch.setattr(idp, "document", lambda path: {"keys": keys} if path == "/keys" else document(path))

    with pytest.raises(Unanswered):
        provider.claims(token)


def test_keys_are_not_fetched_from_where_anybody_could_change_them(
    idp: IdentityProvider, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = idp.token()
    told = {"issuer": idp.issuer, "jwks_uri": "http://keys.example/keys"}
    monkeypatch.setattr(idp, "document", lambda path: told)

    with pytest.raises(Unanswered):
        provider.claims(token)
