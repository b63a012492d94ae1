"""A network that goes away in the middle of a download, or brings something else."""

import http.server
import io
import threading

import numpy as np
import pytest

from mnist_clust import _mnist
from mnist_clust.data import MnistUnavailableError, load_digits

pytestmark = pytest.mark.slow

PROMISED = 11_490_434


def forged_mnist() -> bytes:
    """Write a file as Keras has it, with other pixels."""
    buffer = io.BytesIO()
    images = np.random.default_rng(0).integers(0, 256, (700, 28, 28), dtype=np.uint8)
    labels = np.arange(700, dtype=np.uint8) % 10
    arrays = {"x_train": images, "y_train": labels, "x_test": images[:99], "y_test": labels[:99]}
    np.savez(buffer, **arrays)
    return buffer.getvalue()


SENT = {"cut": bytes(300_000), "stalled": bytes(300_000), "forged": forged_mnist()}


@pytest.fixture(params=SENT)
def bad_download(request, monkeypatch, tmp_path):
    """A server that sends some of what it promises and then hangs up or says no more, or forges."""
    sent = SENT[request.param]
    promised = len(sent) if request.param == "forged" else PROMISED
    monkeypatch.delenv("MNIST_CLUST_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    over = threading.Event()
    fetched = []

    class Half(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", str(promised))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            fetched.append(self.path)
            self.wfile.write(sent)
            self.wfile.flush()
            if request.param == "stalled":
                over.wait(60)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Half)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/mnist.npz"
    monkeypatch.setattr(_mnist, "_URL", address)
    monkeypatch.setattr(_mnist, "_NETWORK_TIMEOUT", 2.0)
    from keras.src.datasets import mnist as keras_mnist

    fetch = keras_mnist.get_file
    monkeypatch.setattr(
        keras_mnist,
        "get_file",
        lambda **options: fetch(**options | {"origin": address, "cache_dir": tmp_path}),
    )
    yield request.param, fetched
    over.set()
    server.shutdown()
    server.server_close()


def test_a_bad_download_is_noticed_and_never_trusted(bad_download, tmp_path, survived):
    kind, fetched = bad_download
    for times in (1, 2):  # the second time with what the first left
        with pytest.raises(MnistUnavailableError, match="could not be downloaded") as refused:
            load_digits("mnist")
        assert len(fetched) == times, "it was the download that failed"
        if kind == "forged":
            assert "corrupted" in str(refused.value.__cause__), "Keras compares the digest"
    assert load_digits("auto").name == "sample"
    kept = sum(path.stat().st_size for path in tmp_path.rglob("*.npz*"))
    assert kept < len(SENT[kind]) + 100_000, "it grows not"
    survived("a forged download" if kind == "forged" else "half a download")
