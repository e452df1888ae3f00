"""Radiographs in Azure Blob Storage."""

import pytest
from azure.storage.blob import BlobServiceClient
from proxy import Faults, Proxy

# Azurite's public account
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture(scope="module")
def container(azurite, images):
    service = BlobServiceClient(f"http://127.0.0.1:{azurite}/{ACCOUNT}", credential=KEY)
    container = service.create_container("radiographs")
    for image in images:
        container.upload_blob(f"a b/{image.name}", image.read_bytes())
    return azurite


def env(port):
    """What a user of the emulator sets."""
    return {
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{port}",
    }


def test_blobs_are_read_through_faults(predict, container, local, tmp_path):
    with Proxy(container, Faults(seed=2, drop=0.15, throttle=0.2, truncate=0.2)) as proxy:
        done = predict(tmp_path / "o.csv", ["az://radiographs/a b/"], env=env(proxy.port))
    assert (done.code, done.csv) == (0, local), done.said
    assert {"drop", "throttle", "truncate"} <= set(proxy.counts)


def test_wrong_credentials_are_no_network_fault(predict, container, tmp_path):
    wrong = env(container) | {"AZURE_STORAGE_ACCOUNT_KEY": "AAAA" + KEY[4:]}
    done = predict(tmp_path / "o.csv", ["az://radiographs/a b/"], env=wrong)
    assert done.code == 2 and "check the credentials" in done.said, done.said
