"""A TPP made of Authlib and requests: registers, sends its customer to the bank, exchanges, refreshes, revokes, deletes.

Reads one JSON object from standard input and writes one to standard output. Everything about the bank comes from its
RFC 8414 metadata. Any surprise is an exception.
"""

import json
import re
import secrets
import socket
import sys
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

TIMEOUT = 20
CALLBACK = "https://tpp.example/callback"

_getaddrinfo = socket.getaddrinfo


def loopback(host, *args, **kwargs):
    """RFC 6761 s6.3: localhost and all below it are this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name and (name == "localhost" or name.endswith(".localhost")):
        host = "127.0.0.1"
    return _getaddrinfo(host, *args, **kwargs)


socket.getaddrinfo = loopback


def expect(response, status):
    assert response.status_code == status, f"{response.url}: {response.status_code} {response.text}"
    return response


def approve(plan, url):
    """The customer's browser, from the TPP's link to the TPP's redirect URI."""
    browser = requests.Session()
    browser.verify = plan["ca"]
    response = browser.get(url, allow_redirects=False, timeout=TIMEOUT)
    for _ in range(10):
        if response.status_code == 303:
            url = urljoin(url, response.headers["Location"])
            if url.startswith(CALLBACK):
                return url
            response = browser.get(url, allow_redirects=False, timeout=TIMEOUT)
            continue
        page = expect(response, 200).text
        home = re.search(r'content="0; url=([^"]+)"', page)
        if home:
            url = urljoin(url, home[1])
            response = browser.get(url, allow_redirects=False, timeout=TIMEOUT)
            continue
        form = {"csrf": re.search(r'name="csrf" value="([^"]+)"', page)[1]}
        if 'name="password"' in page:
            form.update(customer="approves", password="sandbox", decision="sign_in")
        elif 'value="continue_here"' in page:
            form.update(decision="continue_here")
        else:
            form.update(decision="approve")
        url = urljoin(url, re.search(r'action="([^"]+)"', page)[1])
        response = browser.post(url, data=form, allow_redirects=False, timeout=TIMEOUT)
    raise AssertionError("the pages did not end")


def register(plan, metadata):
    asked = {
        "redirect_uris": [CALLBACK],
        "client_name": "Authlib",
        "grant_types": metadata["grant_types_supported"],
        "token_endpoint_auth_method": "tls_client_auth",
        "software_id": secrets.token_hex(8),
    }
    endpoint = metadata["registration_endpoint"]
    answer = requests.post(endpoint, json=asked, cert=plan["qwac"], verify=plan["ca"], timeout=TIMEOUT)
    return expect(answer, 201).json()


def session(plan, metadata, client):
    basic = "client_secret_basic" in metadata["token_endpoint_auth_methods_supported"]
    # "none" is Authlib's name for `client_id` in the body; the certificate does the rest (RFC 8705 s2)
    method = "client_secret_basic" if basic else "none"
    tpp = OAuth2Session(
        client["client_id"],
        client.get("client_secret"),
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        scope="aisp",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    )
    tpp.cert, tpp.verify = plan["qwac"], plan["ca"]
    return tpp


def journey(plan):
    well_known = plan["issuer"] + "/.well-known/oauth-authorization-server"
    metadata = expect(requests.get(well_known, verify=plan["ca"], timeout=TIMEOUT), 200).json()
    channel = next(one for one in metadata["channels"] if one["name"] == plan["channel"])
    client = register(plan, metadata)
    tpp = session(plan, metadata, client)

    gateway = OAuth2Session(client["client_id"], token_endpoint_auth_method="none")
    gateway.cert, gateway.verify = plan["gateway"], plan["gateway_ca"]

    def active(token):
        answer = gateway.introspect_token(plan["introspection"], token=token, timeout=TIMEOUT)
        return expect(answer, 200).json()["active"]

    verifier = generate_token(48)
    url, state = tpp.create_authorization_url(channel["authorization_endpoint"], code_verifier=verifier)
    assert "code_challenge_method=S256" in url
    home = approve(plan, url)
    assert parse_qs(urlsplit(home).query)["iss"] == [metadata["issuer"]]

    exchange = dict(authorization_response=home, state=state, scope="aisp", timeout=TIMEOUT)
    token = dict(tpp.fetch_token(channel["token_endpoint"], code_verifier=verifier, **exchange))
    told = {"scope": token["scope"], "secret": "client_secret" in client, "refreshed": False}
    given, strongest = [token["access_token"]], token["access_token"]
    assert active(given[0])
    if "refresh_token" in token:
        strongest = token["refresh_token"]
        again = tpp.refresh_token(channel["token_endpoint"], refresh_token=strongest, timeout=TIMEOUT)
        given.append(again["access_token"])
        told["refreshed"] = active(given[1])

    expect(tpp.revoke_token(metadata["revocation_endpoint"], token=strongest, timeout=TIMEOUT), 200)
    told["dead"] = [not active(one) for one in given]

    # without the right verifier there is no token, and the library understands the refusal
    url, state = tpp.create_authorization_url(channel["authorization_endpoint"], code_verifier=verifier)
    exchange.update(authorization_response=approve(plan, url), state=state)
    try:
        tpp.fetch_token(channel["token_endpoint"], code_verifier=generate_token(48), **exchange)
        raise AssertionError("a wrong verifier was accepted")
    except OAuthError as refusal:
        told["refusal"] = refusal.error

    uri = client["registration_client_uri"]
    expect(requests.delete(uri, cert=plan["qwac"], verify=plan["ca"], timeout=TIMEOUT), 204)
    return told


print(json.dumps(journey(json.load(sys.stdin))))
