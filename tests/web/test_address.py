"""The address of the page at a proxy, and what follows from it; where they are installed, with real proxies."""

import shutil
import socket
import subprocess
import time

import httpx2 as httpx
import pytest
from test_guard import HOST, TOKEN, call, welcome

from evenpick.errors import EvenpickError
from evenpick.web.address import public_address
from evenpick.web.app import create_app
from evenpick.web.guard import HostNames, Origins, SubPath, Token

LABELS = public_address("https://Labels.Example.org/label/")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://labels.example.org/label", ("https://labels.example.org", "labels.example.org", "/label/")),
        ("https://labels.example.org:443", ("https://labels.example.org", "labels.example.org", "/")),
        ("http://box.local:8765/", ("http://box.local:8765", "box.local", "/")),
        ("http://[::1]:9/a/b/", ("http://[::1]:9", "::1", "/a/b/")),
    ],
)
def test_an_address_gives_origin_name_and_path(url, parts):
    found = public_address(url)

    assert (found.origin, found.name, found.path) == parts


@pytest.mark.parametrize(
    "url",
    ["", "labels.example.org", "ftp://a.b/", "https://", "https://a@b/", "https://a/?x=1", "https://a/#x",
     "https://a:99999/", "http://[", "https://a/b;c", "https://a/b c/", "https://a//b"],
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_refused(url):
    with pytest.raises(EvenpickError, match="--url must be the address of the page"):
        public_address(url)


def test_its_name_is_ours_and_no_other():
    app = HostNames(welcome, bound="127.0.0.1", public=LABELS)

    assert call(app, headers={"host": "labels.example.org"}).status == 200
    assert call(app, headers={"host": HOST}).status == 200
    assert call(app, headers={"host": "example.org"}).status == 403
    assert call(HostNames(welcome, bound="127.0.0.1"), headers={"host": "labels.example.org"}).status == 403


def test_its_origin_is_ours_whatever_host_the_proxy_names():
    app = Origins(welcome, public=LABELS)

    assert call(app, "POST", headers={"origin": "https://labels.example.org"}).status == 200
    for other in ("http://labels.example.org", "https://labels.example.org:444", "https://example.org", "http://["):
        assert call(app, "POST", headers={"origin": other}).status == 403


def test_its_path_is_taken_off_where_the_proxy_left_it():
    paths = []

    async def app(scope, receive, send):
        paths.append(scope["path"])
        await welcome(scope, receive, send)

    for path in ("/label/", "/label/api/next", "/api/next", "/labelled"):
        call(SubPath(app, LABELS), path=path)
    assert paths == ["/", "/api/next", "/api/next", "/labelled"]


def test_its_cookie_is_for_its_path_and_for_tls_alone():
    cookie = call(Token(welcome, token=TOKEN, public=LABELS), query=f"token={TOKEN}").headers["set-cookie"]

    assert cookie == f"evenpick_8765={TOKEN}; HttpOnly; SameSite=Strict; Path=/label/; Secure"


def test_a_ticket_opens_one_page_once():
    app = Token(welcome, token=TOKEN, ticket="a-ticket")

    assert call(app, path="/api/state", query="ticket=a-ticket").status == 401
    assert f"evenpick_8765={TOKEN};" in call(app, query="ticket=a-ticket").headers["set-cookie"]
    assert call(app, query="ticket=a-ticket").status == 401
    assert call(Token(welcome, token=TOKEN), query="ticket=").status == 401


# --- real proxies -----------------------------------------------------------------------------------

NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port};
        location /label/ {{ {line} }}
    }}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
    storage file_system {folder}
}}
http://127.0.0.1:{port} {{
    {line}
}}
"""
PROXIES = {
    "nginx": ("nginx", NGINX, "proxy_pass {server}/;"),
    "nginx that keeps path and name": ("nginx", NGINX, "proxy_pass {server}; proxy_set_header Host $host;"),
    "caddy": ("caddy", CADDY, "reverse_proxy /label/* {server}"),
    "caddy that takes the path off": ("caddy", CADDY, "handle_path /label/* {{ \n reverse_proxy {server} \n }}"),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(params=PROXIES)
def proxy(request, tmp_path):
    """Start a proxy in front of a server; its port."""
    program, config, line = PROXIES[request.param]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    started = []

    def start(server, port):
        text = config.format(folder=tmp_path, port=port, line=line.format(server=server))
        file = tmp_path / "proxy.conf"
        file.write_text(text)
        command = (
            [program, "-c", file]
            if program == "nginx"
            else [program, "run", "--config", file, "--adapter", "caddyfile"]
        )
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=tmp_path))
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{program} does not start")

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
def test_the_page_is_labelled_through_a_real_proxy(begin, running, proxy, open_page):
    session, port = begin().session, free_port()
    public = public_address(f"http://127.0.0.1:{port}/label/")
    app = create_app(session, token=TOKEN, public=public)
    with running(app) as server:
        proxy(server, port)
        # What a browser sends from a page at the proxy's address.
        answer = httpx.post(
            f"{public.url}api/next",
            json={},
            headers={"origin": public.origin, "sec-fetch-site": "same-origin", "authorization": f"Bearer {TOKEN}"},
        )
        assert answer.json()["turn"]["image"]["url"].startswith("/label/image/")
        page = open_page(f"{public.url}?token={TOKEN}")
        page.new_class("cat")
        page.answer("1")
        page.find("#help")
        assert page.classes() == {"cat": 2}
        assert page.script("location.href") == public.url
        page.browser.delete_all_cookies()
    app.state.close()
