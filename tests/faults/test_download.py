"""A network that goes away in the middle of a download."""

import http.server
import threading

import pytest

from mnist_clust import data
from mnist_clust.data import MnistUnavailableError, load_digits

PROMISED = 11_490_434


@pytest.fixture(params=["cut", "stalled"])
def half_a_download(request, monkeypatch, tmp_path):
    """A server that promises all of MNIST, sends some of it, and then hangs up or says no more."""
    monkeypatch.delenv("MNIST_CLUST_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    over = threading.Event()

    class Half(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", str(PROMISED))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(bytes(300_000))
            self.wfile.flush()
            if request.param == "stalled":
                over.wait(60)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Half)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/mnist.npz"
    monkeypatch.setattr(data, "_MNIST_URL", address)
    monkeypatch.setattr(data, "_NETWORK_TIMEOUT", 2.0)
    from keras.src.datasets import mnist as keras_mnist

    fetch = keras_mnist.get_file
    monkeypatch.setattr(
        keras_mnist,
        "get_file",
        lambda path, origin, **options: fetch(path, origin=address, cache_dir=tmp_path, **options),
    )
    yield
    over.set()
    server.shutdown()
    server.server_close()


def test_half_a_download_is_noticed_and_never_trusted(half_a_download, tmp_path, survived):
    for _ in range(2):  # the second time with what the first left
        with pytest.raises(MnistUnavailableError, match="could not be downloaded"):
            load_digits("mnist")
    assert load_digits("auto").name == "sample"
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.npz*")) < 400_000, "it grows not"
    survived("half a download")
